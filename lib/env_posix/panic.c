/* SPDX-License-Identifier: MIT */
#include "pawl/err.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void pawl_panic(const char *cond, const char *file, int line)
{
	fprintf(stderr, "pawl: bug at %s:%d: %s does not hold; please report this line\n", file,
	    line, cond);
	abort();
}
