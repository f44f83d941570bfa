/* What the service manager is told: sd_notify(3). Does nothing without one. */
#pragma once

#include "base/base.h"

/* The service is ready, and how it does in one line. */
void service_ready(const char *status);
/* How it does now. */
void service_status(const char *status);
void service_stopping(void);
