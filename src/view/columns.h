/* The columns that the tables of one host and of several share: rows of their column lists. */
#ifndef VIEW_COLUMNS_H
#define VIEW_COLUMNS_H

#include "base/table.h"

/* DETAILS: "expires in 12h 15m 45s"; VALIDATION: "141200MB, 12 processes" */
/* clang-format off */
#define VIEW_STATUS_COLUMNS                                            \
	{.name = "GPU"},                                               \
	{.name = "STATUS"},                                            \
	{.name = "USER", .trunc = true, .floor = 12},                  \
	{.name = "DURATION", .drop = 2},                               \
	{.name = "TYPE", .drop = 4},                                   \
	{.name = "MODEL", .trunc = true, .floor = 12, .drop = 3},      \
	{.name = "DETAILS", .trunc = true, .floor = 22},               \
	{.name = "VALIDATION", .trunc = true, .floor = 22, .drop = 1}

#define VIEW_QUEUE_COLUMNS                                             \
	{.name = "Position"},                                          \
	{.name = "User", .trunc = true, .floor = 8},                   \
	{.name = "Requested"},                                         \
	{.name = "Allocated", .drop = 3},                              \
	{.name = "Waiting", .drop = 2},                                \
	{.name = "Type", .drop = 5},                                   \
	{.name = "ID", .drop = 4},                                     \
	{.name = "Starts in"},                                         \
	{.name = "Waiting for", .trunc = true, .floor = 20, .drop = 1}
/* clang-format on */

#endif
