/* The proof that this is the process that connected, where the kernel does not tell the broker. */
#include "client/internal.h"

static bool find_nonce(struct wire_reader fields, struct wire_field *ret)
{
    while (wire_next(&fields, ret) > 0)
        if (ret->type == WIRE_FIELD_NONCE)
            return true;
    return false;
}

/* The kernel tells the broker who sends it. What it is taken for, the next answer to the call
 * tells. */
bool proof_give(struct ipcb *b, struct call *call, struct wire_reader fields)
{
    struct wire_field nonce;
    struct wire_writer request;

    if (call->proved || !find_nonce(fields, &nonce))
        return false;
    request_begin(b, WIRE_PROVE, &request);
    wire_put(&request, WIRE_FIELD_NONCE, nonce.value, nonce.size);
    if (!call_post(b, &request))
        return false;
    call->proved = true;
    call_again(b, call);
    return true;
}
