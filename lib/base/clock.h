/*
 * The default clock: the system's, or a cycle counter that is held to it.
 *
 * The counter is read on a line `ns = base + (cycles - origin) * slope`. A line is fitted once enough time has passed since
 * opening to know the slope, and fitted anew every second so that it meets the system's clock again a second later:
 * the reading never steps and never goes back, and strays from the system's clock by microseconds at most.
 */
#ifndef LAMBDA_LIB_CLOCK_H
#define LAMBDA_LIB_CLOCK_H

#include "base/base.h"

/** Makes the default clock; false when memory is out. */
bool lambda__clock_open(lambda__base *base);

/** Frees it; nothing where the host brought its own. */
void lambda__clock_close(lambda__base *base);

#endif
