#include "hostile.hpp"

#include <cstdio>

HOSTILE_METRIC(Printer, "printer", "Prints a line and succeeds", { std::fputs("printer: a line with \033[31mcolour\n", stderr); })
