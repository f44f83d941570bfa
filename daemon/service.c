#include "daemon/service.h"

#include "daemon/clock.h"

#include <inttypes.h>
#include <systemd/sd-daemon.h>

void service_ready(const char *status)
{
    (void)sd_notifyf(0, "READY=1\nSTATUS=%s", status);
}

void service_status(const char *status)
{
    (void)sd_notifyf(0, "STATUS=%s", status);
}

void service_reloading(void)
{
    (void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, now_us());
}

void service_stopping(void)
{
    (void)sd_notify(0, "STOPPING=1");
}
