/* SPDX-License-Identifier: MIT
 *
 * Days and dates after Howard Hinnant, "chrono-compatible low-level date
 * algorithms": years begin in March, so that the leap day comes last. */
#include "pawl/date.h"

#include "pawl/num.h"

#include <stdbool.h>

struct calendar {
	int64_t year;
	int64_t month; /* 1..12                                              */
	int64_t day;   /* 1..31                                              */
	int64_t hour, minute, second;
	int64_t weekday; /* 0: Sunday                                        */
};

/* Since 1970-01-01; for years from 0 on. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
	year -= month <= 2;
	const int64_t era = year / 400;
	const int64_t year_of_era = year - era * 400;
	const int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	const int64_t day_of_era =
	    year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

	return era * 146097 + day_of_era - 719468;
}

static struct calendar calendar_of(struct pawl_wall moment)
{
	const int64_t ms = moment.ms < 0                  ? 0
			   : moment.ms > PAWL_DATE_MS_MAX ? PAWL_DATE_MS_MAX
							  : moment.ms;
	const int64_t days = ms / PAWL_MS_PER_DAY;
	const int64_t seconds = ms % PAWL_MS_PER_DAY / PAWL_MS_PER_S;
	const int64_t shifted = days + 719468;
	const int64_t era = shifted / 146097;
	const int64_t day_of_era = shifted - era * 146097;
	const int64_t year_of_era =
	    (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	const int64_t day_of_year =
	    day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	const int64_t march_month = (5 * day_of_year + 2) / 153;
	const int64_t month = march_month + (march_month < 10 ? 3 : -9);

	return (struct calendar){
		.year = year_of_era + era * 400 + (month <= 2),
		.month = month,
		.day = day_of_year - (153 * march_month + 2) / 5 + 1,
		.hour = seconds / 3600,
		.minute = seconds / 60 % 60,
		.second = seconds % 60,
		.weekday = (days + 4) % 7,
	};
}

static void put_digits(struct pawl_buf *out, int64_t value, int digits)
{
	uint8_t text[4];

	for (int i = digits - 1; i >= 0; i--, value /= 10)
		text[i] = (uint8_t)('0' + value % 10);
	pawl_put_bytes(out, PAWL_BYTES(text, (size_t)digits));
}

static void put_time(struct pawl_buf *out, int64_t hour, int64_t minute, int64_t second)
{
	put_digits(out, hour, 2);
	pawl_put_text(out, ":");
	put_digits(out, minute, 2);
	pawl_put_text(out, ":");
	put_digits(out, second, 2);
}

/* `form` has '0' for a digit; anything else stands for itself. */
static bool has_form(struct pawl_bytes text, const char *form)
{
	size_t i = 0;

	for (; form[i] != '\0'; i++) {
		if (i >= text.size)
			return false;
		if (form[i] == '0' ? text.at[i] < '0' || text.at[i] > '9'
				   : text.at[i] != (uint8_t)form[i])
			return false;
	}
	return i == text.size;
}

/* Digits that has_form has seen. */
static int64_t digits_at(struct pawl_bytes text, size_t at, size_t count)
{
	int64_t value = 0;

	for (size_t i = 0; i < count; i++)
		value = value * 10 + (text.at[at + i] - '0');
	return value;
}

pawl_err pawl_date_parse(struct pawl_bytes text, struct pawl_wall *ret_moment)
{
	static const int64_t month_days[12] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	if (!has_form(text, "0000-00-00T00:00:00Z"))
		return PAWL_ERR_SYNTAX;
	const int64_t year = digits_at(text, 0, 4);
	const int64_t month = digits_at(text, 5, 2);
	const int64_t day = digits_at(text, 8, 2);
	const int64_t hour = digits_at(text, 11, 2);
	const int64_t minute = digits_at(text, 14, 2);
	const int64_t second = digits_at(text, 17, 2);
	const bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	if (year < 1970 || month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 ||
	    second > 59 || day > month_days[month - 1] + (month == 2 && is_leap))
		return PAWL_ERR_RANGE;
	ret_moment->ms = days_of(year, month, day) * PAWL_MS_PER_DAY + hour * PAWL_MS_PER_H +
			 minute * PAWL_MS_PER_MIN + second * PAWL_MS_PER_S;
	return PAWL_ERR_OK;
}

void pawl_put_date(struct pawl_buf *out, struct pawl_wall moment)
{
	const struct calendar date = calendar_of(moment);

	put_digits(out, date.year, 4);
	pawl_put_text(out, "-");
	put_digits(out, date.month, 2);
	pawl_put_text(out, "-");
	put_digits(out, date.day, 2);
	pawl_put_text(out, "T");
	put_time(out, date.hour, date.minute, date.second);
	pawl_put_text(out, "Z");
}

void pawl_put_http_date(struct pawl_buf *out, struct pawl_wall moment)
{
	static const char weekdays[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
	static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug",
		"Sep", "Oct", "Nov", "Dec" };
	const struct calendar date = calendar_of(moment);

	pawl_put_text(out, weekdays[date.weekday]);
	pawl_put_text(out, ", ");
	put_digits(out, date.day, 2);
	pawl_put_text(out, " ");
	pawl_put_text(out, months[date.month - 1]);
	pawl_put_text(out, " ");
	put_digits(out, date.year, 4);
	pawl_put_text(out, " ");
	put_time(out, date.hour, date.minute, date.second);
	pawl_put_text(out, " GMT");
}

pawl_err pawl_sleep_parse(struct pawl_bytes text, int64_t *ret_ms)
{
	if (!has_form(text, "00:00:00"))
		return PAWL_ERR_SYNTAX;
	const int64_t hours = digits_at(text, 0, 2);
	const int64_t minutes = digits_at(text, 3, 2);
	const int64_t seconds = digits_at(text, 6, 2);
	if (hours > 23 || minutes > 59 || seconds > 59)
		return PAWL_ERR_RANGE;
	*ret_ms = hours * PAWL_MS_PER_H + minutes * PAWL_MS_PER_MIN + seconds * PAWL_MS_PER_S;
	return PAWL_ERR_OK;
}

void pawl_put_sleep(struct pawl_buf *out, int64_t ms)
{
	const int64_t longest = PAWL_MS_PER_DAY / PAWL_MS_PER_S - 1;
	int64_t seconds = ms <= 0 ? 0 : ms / PAWL_MS_PER_S + (ms % PAWL_MS_PER_S != 0);

	if (seconds > longest)
		seconds = longest;
	put_time(out, seconds / 3600, seconds / 60 % 60, seconds % 60);
}
