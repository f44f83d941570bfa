#include "base/base.h"

#include <stdarg.h>

int say(struct sentence *why, int r, const char *format, ...)
{
    if (why) {
        va_list arguments;
        va_start(arguments, format);
        (void)vsnprintf(why->text, sizeof why->text, format, arguments);
        va_end(arguments);
    }
    return r;
}
