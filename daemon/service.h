/* What the service manager is told: sd_notify(3). Does nothing without one. */
#pragma once

#include "base/base.h"

/* The service is ready, and how it does in one line. */
void service_ready(const char *status);
/* How it does now. */
void service_status(const char *status);
/* It applies another configuration; service_ready() is the end of that. */
void service_reloading(void);
void service_stopping(void);
