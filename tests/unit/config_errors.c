/* What is an error in one file, with its line, and what is none. */
#include "tests/unit/config_cases.h"

/* ---- one error each ---- */

static const struct {
    const char *text;
    size_t size;
    unsigned line;
    const char *fragment;
} bad[] = {
    /* the shape of a line */
    {TEXT(QUEUE "mode\n"), 3, "no '='"},
    {TEXT(QUEUE "mode ; = 0600\n"), 3, "no '='"},
    {TEXT(QUEUE "]\n"), 3, "no '='"},
    {TEXT(QUEUE "mode: 0600\n"), 3, "':' after the key"},
    {TEXT(QUEUE "mode:x=0600\n"), 3, "':' after the key"},
    {TEXT(QUEUE "= 5\n"), 3, "no key"},
    {TEXT(QUEUE "=\n"), 3, "no key"},
    {TEXT(QUEUE " mode = 0600\n"), 3, "indented"},
    {TEXT(QUEUE "\tmode = 0600\n"), 3, "indented"},
    {TEXT(QUEUE "\n\n mode = 0600\n"), 5, "indented"},
    {TEXT(QUEUE "# c\n mode = 0600\n"), 4, "indented"},
    {TEXT(QUEUE " # comment\n"), 3, "indented"},
    {TEXT(QUEUE " nonsense"), 3, "indented"},
    {TEXT("max_messages = 5\n" QUEUE), 1, "before the first section"},
    {TEXT(QUEUE "mode =\n"), 3, "no value for 'mode'"},
    {TEXT(QUEUE "mode = \t \n"), 3, "no value for 'mode'"},
    {TEXT(QUEUE "mode = ; 0600\n"), 3, "no value for 'mode'"},
    {TEXT("[queue:a]\nuse =\n"), 2, "no value for 'use'"},
    {TEXT("[queue:a]\nuse = , ,\n"), 2, "no value for 'use'"},
    {TEXT("[queue:a]\nuse = any\nsend =\n"), 3, "no value for 'send'"},
    {TEXT("[grant:a]\nuse =\n"), 2, "no value for 'use'"},
    {TEXT("[broker]\nsocket =\n"), 2, "no value for 'socket'"},
    /* headers; the keys under a bad one are nobody's, and make no error of their own */
    {TEXT(QUEUE "[queue:b\nmode = x\n"), 3, "no ']'"},
    {TEXT(QUEUE "[queue:b ;]\nmode = x\n"), 3, "no ']'"},
    {TEXT(QUEUE "[\nmode = x\n"), 3, "no ']'"},
    {TEXT(QUEUE "[queue:b] junk\nmode = x\n"), 3, "text after the ']'"},
    {TEXT(QUEUE "[queue:b]mode=0666\nmode = x\n"), 3, "text after the ']'"},
    {TEXT(QUEUE "[queue:b]# c\nmode = x\n"), 3, "text after the ']'"},
    {TEXT(QUEUE "[queue:a]b]\nmode = x\n"), 3, "text after the ']'"},
    {TEXT(QUEUE "[]\nmode = x\n"), 3, "empty section header"},
    {TEXT(QUEUE "[ queue:b ]\nmode = x\n"), 3, "blanks inside the brackets"},
    {TEXT(QUEUE "[queue:b ]\nmode = x\n"), 3, "blanks inside the brackets"},
    {TEXT(QUEUE " [queue:b]\nmode = x\n"), 3, "indented"},
    {TEXT(QUEUE "[queue:b]\0\nmode = x\n"), 3, "NUL"},
    {TEXT(QUEUE "[queue:\x01]\nmode = x\n"), 3, "control character"},
    /* bytes */
    {TEXT(QUEUE "mode = 0600\0\n"), 3, "NUL"},
    {TEXT(QUEUE "\0mode = 0666\n"), 3, "NUL"},
    {TEXT(QUEUE "# comment \0\n"), 3, "NUL"},
    {TEXT(QUEUE "mode = 0600\rmode = 0666\n"), 3, "carriage return inside"},
    {TEXT("[queue:a]\ruse = any\r"), 1, "carriage return"},
    {TEXT(QUEUE "mode = 0600\x01\n"), 3, "control character"},
    {TEXT(QUEUE "mode = 0600\x7f\n"), 3, "control character"},
    {TEXT(QUEUE "\vmode = 0600\n"), 3, "control character"},
    {TEXT(QUEUE "mode = 0600 \f; c\n"), 3, "control character"},
    {TEXT(QUEUE "# \x1b[2J\n"), 3, "control character"},
    {TEXT(QUEUE "# caf\xe9\n"), 3, "not valid UTF-8"},
    {TEXT(QUEUE "# \xc0\xaf\n"), 3, "not valid UTF-8"},
    {TEXT(QUEUE "# \xed\xa0\x80\n"), 3, "not valid UTF-8"},
    {TEXT(QUEUE "# \xf4\x90\x80\x80\n"), 3, "not valid UTF-8"},
    {TEXT(QUEUE "# \xe2\x82\n"), 3, "not valid UTF-8"},
    {TEXT(QUEUE "# \xe2\x82"), 3, "not valid UTF-8"},
    {TEXT("\xff\xfe[\0q\0"), 1, "UTF-16"},
    {TEXT("\xfe\xff\0[\0q"), 1, "UTF-16"},
    {TEXT("\xef\xbb\xbf\xef\xbb\xbf# c\n" QUEUE), 1, "byte order mark inside"},
    {TEXT(QUEUE "\xef\xbb\xbfmode = 0600\n"), 3, "byte order mark inside"},
    /* comments and quotes in values */
    {TEXT(QUEUE "max_messages = 1;no\n"), 3, "begins with ' ;'"},
    {TEXT(QUEUE "max_messages =; 1\n"), 3, "begins with ' ;'"},
    {TEXT(QUEUE "max_messages = 1 # no\n"), 3, "begins with ' ;'"},
    {TEXT(QUEUE "max_messages = 1#no\n"), 3, "begins with ' ;'"},
    {TEXT(QUEUE "max_messages = \"1\"\n"), 3, "quote"},
    {TEXT(QUEUE "max_messages = \"1 ; 2\"\n"), 3, "quote"},
    {TEXT(QUEUE "max_messages = '1'\n"), 3, "is not a number"},
    /* sections */
    {TEXT("[queue]\nx = 1\n"), 1, "unknown section [queue]; expected [queue:NAME], [eventfd:NAME]"},
    {TEXT("[Queue:a]\nx = 1\n"), 1, "unknown section [Queue:a]"},
    {TEXT("[broker:a]\n"), 1, "unknown section"},
    {TEXT("[1]\nmode = x\n"), 1, "unknown section [1]"},
    {TEXT("[grant]\n"), 1, "unknown section"},
    {TEXT("[:a]\n"), 1, "unknown section"},
    {TEXT("[pipe:a]\nsend = any\n"), 2, "has no such access; expected write, read or use"},
    {TEXT("[pipe:a]\ncapacity = 8191\n"), 2, "expected a power of two from 4K to 1024M"},
    {TEXT("[pipe:a]\ncapacity = 2K\n"), 2, "expected a power of two from 4K to 1024M"},
    {TEXT("[pipe:a]\ncapacity = 4096M\n"), 2, "expected a power of two from 4K to 1024M"},
    {TEXT("[pipe:a]\ncapacity = 4K\ninitial = 4097\n"), 1, "expected at most its capacity, 4096"},
    {TEXT("[queue:]\n"), 1, "not an object's name"},
    {TEXT("[queue:-a]\n"), 1, "not an object's name"},
    {TEXT("[queue:.a]\n"), 1, "not an object's name"},
    {TEXT("[queue:a b]\n"), 1, "not an object's name"},
    {TEXT("[queue:a/b]\n"), 1, "not an object's name"},
    {TEXT("[queue:a;]\n"), 1, "not an object's name"},
    {TEXT("[queue:a:b]\n"), 1, "not an object's name"},
    {TEXT("[queue:caf\xc3\xa9]\n"), 1, "not an object's name"},
    {TEXT("[queue:" HUNDRED EIGHTY "a]\n"), 1, "not an object's name"},
    {TEXT("[grant:-a]\n"), 1, "not an object's name"},
    {TEXT(QUEUE "[queue:a]\nuse = any\n"), 3, "[queue:a] is at line 1"},
    {TEXT(QUEUE "[queue:a]\n"), 3, "[queue:a] is at line 1"},
    {TEXT(QUEUE "[eventfd:a]\n"), 3, "[queue:a] is at line 1"},
    {TEXT("[grant:x]\n\n[grant:x]\n"), 3, "[grant:x] is at line 1"},
    {TEXT("[broker]\n" QUEUE "[broker]\nsocket = x\n"), 4, "[broker] again; it is at line 1"},
    /* keys */
    {TEXT(QUEUE "max_mesages = 5\n"), 3,
     "unknown key 'max_mesages' in [queue:a]; known keys: max_messages, message_size, posix_name, "
     "mode, group, send, receive, use"},
    {TEXT(QUEUE "Mode = 0600\n"), 3, "unknown key 'Mode'"},
    {TEXT(QUEUE "semaphore = yes\n"), 3, "unknown key 'semaphore'"},
    {TEXT(QUEUE "mode x = 0600\n"), 3, "unknown key 'mode x'"},
    {TEXT(QUEUE HUNDRED " = 1\n"), 3, "unknown key '" HUNDRED "'"},
    {TEXT(EVENTFD "mode = 0600\n"), 3, "known keys: initial, semaphore, nonblocking, use"},
    {TEXT("[broker]\nlisten = x\n"), 2,
     "known keys: socket, admin_socket, max_clients, max_clients_per_user, admin, observe"},
    {TEXT("[grant:a]\nmode = 0600\n"), 2, "known keys: send, receive, write, read, use"},
    {TEXT(EVENTFD "send = any\n"), 3, "no single directions; expected 'use'"},
    {TEXT(EVENTFD "read = any\n"), 3, "no single directions; expected 'use'"},
    {TEXT(QUEUE "read = any\n"), 3, "expected send, receive or use"},
    {TEXT(QUEUE "mode = 0600\nmode = 0600\n"), 4, "'mode' again; it is at line 3"},
    {TEXT(QUEUE "mode = 0600\n\n\nmode = x\n"), 6, "'mode' again; it is at line 3"},
    {TEXT("[broker]\nsocket = /a\nsocket = /a\n"), 3, "'socket' again; it is at line 2"},
    /* values of objects */
    {TEXT(QUEUE "max_messages = 0\n"), 3, "expected 1 to 65536"},
    {TEXT(QUEUE "max_messages = 65537\n"), 3, "expected 1 to 65536"},
    {TEXT(QUEUE "max_messages = -1\n"), 3, "'-1' is not a number"},
    {TEXT(QUEUE "max_messages = +1\n"), 3, "'+1' is not a number"},
    {TEXT(QUEUE "max_messages = 0x10\n"), 3, "'0x10' is not a number"},
    {TEXT(QUEUE "max_messages = 1e3\n"), 3, "is not a number"},
    {TEXT(QUEUE "max_messages = 10.5\n"), 3, "is not a number"},
    {TEXT(QUEUE "max_messages = 10 10\n"), 3, "is not a number"},
    {TEXT(QUEUE "max_messages = 10K\n"), 3, "is not a number"},
    {TEXT(QUEUE "max_messages = 18446744073709551616\n"), 3, "too large"},
    {TEXT(QUEUE "message_size = 0\n"), 3, "expected 1 to 16777216"},
    {TEXT(QUEUE "message_size = 17M\n"), 3, "expected 1 to 16777216"},
    {TEXT(QUEUE "message_size = 4k\n"), 3, "is not a size"},
    {TEXT(QUEUE "message_size = 4KB\n"), 3, "is not a size"},
    {TEXT(QUEUE "message_size = 4 K\n"), 3, "is not a size"},
    {TEXT(QUEUE "message_size = K\n"), 3, "is not a size"},
    {TEXT(QUEUE "message_size = 18014398509481984K\n"), 3, "too large"},
    {TEXT(QUEUE "mode = 60\n"), 3, "is not a mode"},
    {TEXT(QUEUE "mode = 00600\n"), 3, "is not a mode"},
    {TEXT(QUEUE "mode = 0680\n"), 3, "is not a mode"},
    {TEXT(QUEUE "mode = 0400\n"), 3, "contains 0600"},
    {TEXT(QUEUE "mode = 0777\n"), 3, "outside 0666"},
    {TEXT(QUEUE "mode = 1600\n"), 3, "outside 0666"},
    {TEXT(QUEUE "posix_name = orders\n"), 3, "posix_name: "},
    {TEXT(QUEUE "posix_name = /a/b\n"), 3, "posix_name: "},
    {TEXT(QUEUE "group = group:web\n"), 3, "is not a group"},
    {TEXT(QUEUE "group = 4294967295\n"), 3, "is not a group"},
    {TEXT(QUEUE "posix_name = none\nmode = 0660\n"), 1, "[queue:a]: "},
    {TEXT(EVENTFD "semaphore = Yes\n"), 3, "neither yes nor no"},
    {TEXT(EVENTFD "semaphore = 2\n"), 3, "neither yes nor no"},
    {TEXT(EVENTFD "initial = 18446744073709551615\n"), 3, "initial: "},
    {TEXT(QUEUE "[queue:b]\nuse = any\nposix_name = /a\n"), 3, "[queue:a] at main.conf:1"},
    /* subjects */
    {TEXT("[queue:a]\nuse = root\n"), 2, "use: 'root' is not a subject"},
    {TEXT("[queue:a]\nuse = ANY\n"), 2, "is not a subject"},
    {TEXT("[queue:a]\nuse = any:1\n"), 2, "is not a subject"},
    {TEXT("[queue:a]\nuse = user\n"), 2, "is not a subject"},
    {TEXT("[queue:a]\nuse = user:\n"), 2, "not the name of a user"},
    {TEXT("[queue:a]\nuse = user: any\n"), 2, "not the name of a user"},
    {TEXT("[queue:a]\nuse = user:-1\n"), 2, "not the name of a user"},
    {TEXT("[queue:a]\nuse = user:a:b\n"), 2, "not the name of a user"},
    {TEXT("[queue:a]\nuse = group:*\n"), 2, "not the name of a group"},
    {TEXT("[queue:a]\nuse = user:4294967295\n"), 2, "too large"},
    {TEXT("[queue:a]\nuse = group:99999999999999999999\n"), 2, "too large"},
    {TEXT("[queue:a]\nuse = unit:a\n"), 2, "is no unit that processes can be in"},
    {TEXT("[queue:a]\nuse = any\nsend = any, root\n"), 3, "send: 'root'"},
    {TEXT("[broker]\nadmin = root\n"), 2, "admin: 'root'"},
    {TEXT("[grant:a]\nsend = root\n"), 2, "send: 'root'"},
    {TEXT(EVENTFD "[grant:e]\nsend = any\n"), 4,
     "[grant:e]: 'send': an object of the kind eventfd"},
    {TEXT(QUEUE "[grant:a]\nread = any\n"), 4, "expected send, receive or use"},
    /* [broker] */
    {TEXT("[broker]\nsocket = run/x\n"), 2, "absolute path"},
    {TEXT("[broker]\nsocket = /run/\n"), 2, "names a directory"},
    {TEXT("[broker]\nadmin_socket = /" HUNDRED "1234567\n"), 2, "a path of 108 bytes"},
    {TEXT("[broker]\nsocket = /a\nadmin_socket = /a\n"), 1, "the same"},
    {TEXT("[broker]\nmax_clients = 0\n"), 2, "expected 1 to"},
    {TEXT("[broker]\nmax_clients = many\n"), 2, "expected 1 to"},
    {TEXT("[broker]\nmax_clients_per_user = 0\n"), 2, "expected 1 to"},
    {TEXT("[broker]\nmax_clients = 10\nmax_clients_per_user = 11\n"), 3, "no more than that"},
    {TEXT("[broker]\nmax_clients_per_user = 4097\n"), 2, "max_clients 4096"},
};

START_TEST(one_error)
{
    put_bytes("main.conf", bad[_i].text, bad[_i].size);
    ck_assert_int_eq(load(), -EBADMSG);
    ck_assert_ptr_null(config);
    expect_one_error("main.conf", bad[_i].line, bad[_i].fragment);
}
END_TEST

/* ---- what is no error ---- */

static const struct {
    const char *text;
    size_t size;
} good[] = {
    {TEXT("")},
    {TEXT("\n")},
    {TEXT(" \t\n")},
    {TEXT("# comment = [x\n;[queue:b\n#\n;\n")},
    {TEXT("[broker]\n")},
    {TEXT(QUEUE)},
    {TEXT("\xef\xbb\xbf" QUEUE)},
    {TEXT("\xef\xbb\xbf")},
    {TEXT("[queue:a]\nuse=any")},
    {TEXT("[queue:a]   ; comment ]\nuse\t=\tany\t; comment = [\n")},
    {TEXT("[queue:a]\t;\nuse = any ;\n")},
    {TEXT(QUEUE "# caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\n")},
    {TEXT("[queue:" HUNDRED EIGHTY "]\nuse = any\n")},
    {TEXT("[queue:_A.b-9]\nuse = any\n")},
    {TEXT("[queue:9]\nuse = any\n")},
    {TEXT("[queue:a]\nuse = any,,user:1 group:2,\tuser:3\n")},
    {TEXT("[queue:broker]\nuse = any\n[queue:1]\nuse = any\n[eventfd:2]\nuse = any\n")},
    {TEXT(QUEUE "[grant:a]\nsend = any\n")},
    {TEXT("[broker]\nadmin =\nobserve = ; nobody\n")},
    {TEXT("[broker]\nmax_clients = 10\n")},
};

START_TEST(no_error)
{
    put_bytes("main.conf", good[_i].text, good[_i].size);
    expect_none(load());
    ck_assert_uint_eq(problems.n, 0);
}
END_TEST

void add_error_cases(TCase *cases)
{
    tcase_add_loop_test(cases, one_error, 0, (int)ARRAY_SIZE(bad));
    tcase_add_loop_test(cases, no_error, 0, (int)ARRAY_SIZE(good));
}
