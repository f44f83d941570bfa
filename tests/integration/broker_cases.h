/* The cases of test-broker, a file each. */
#pragma once

#include "tests/integration/cases.h"

TCase *acquire_case(void);
TCase *eventfd_case(void);
TCase *pipe_case(void);
TCase *privilege_case(void);
TCase *grants_case(void);
TCase *batch_case(void);
TCase *facts_case(void);
TCase *can_case(void);
TCase *admin_case(void);
TCase *life_case(void);
