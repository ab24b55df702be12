/* SPDX-License-Identifier: MIT
 *
 * Every SQL file: applied, prepared, and its plan compared. With the argument --plans
 * it prints the plans: `store_sql_test --plans > query_plans.txt` after a change that
 * was looked at.
 */
#include "cmocka_setup.h"
#include "store_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *plans_file;

static bool may_scan(const char *name)
{
	/* Whole tables at the start of the server, and lists that are paged by design. */
	static const char *const names[] = { "q_counter_list.sql", "q_device_list.sql",
		"q_attribute_list.sql", "q_set_list.sql", "q_action_list.sql", "q_rollout_list.sql",
		"q_member_list.sql", "q_token_list.sql", "q_audit_list.sql", "q_audit_count.sql" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(name, names[i]) == 0)
			return true;
	}
	return false;
}

static sqlite3 *empty_database(void)
{
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	for (const struct pawl_store_sql_file *file = pawl_store_sql_files; file->name != NULL;
	     file++) {
		if (file->name[0] >= '0' && file->name[0] <= '9')
			assert_int_equal(sqlite3_exec(db, file->text, NULL, NULL, NULL), SQLITE_OK);
	}
	return db;
}

/* Prepares one query and writes its plan. */
static void print_plan(sqlite3 *db, const struct pawl_store_sql_file *file, FILE *out)
{
	char explain[4096];
	sqlite3_stmt *statement = NULL;
	const char *tail = NULL;

	if (sqlite3_prepare_v2(db, file->text, -1, &statement, &tail) != SQLITE_OK)
		fail_msg("%s: %s", file->name, sqlite3_errmsg(db));
	while (tail != NULL && (*tail == '\n' || *tail == ' '))
		tail++;
	assert_string_equal(tail, ""); /* one statement */
	sqlite3_finalize(statement);
	snprintf(explain, sizeof(explain), "EXPLAIN QUERY PLAN %s", file->text);
	assert_int_equal(sqlite3_prepare_v2(db, explain, -1, &statement, NULL), SQLITE_OK);
	while (sqlite3_step(statement) == SQLITE_ROW) {
		const char *detail = (const char *)sqlite3_column_text(statement, 3);

		fprintf(out, "%s: %s\n", file->name, detail);
		if (strncmp(detail, "SCAN", 4) == 0 && strcmp(detail, "SCAN CONSTANT ROW") != 0 &&
		    !may_scan(file->name))
			fail_msg("%s reads a whole table: %s", file->name, detail);
	}
	sqlite3_finalize(statement);
}

static char *print_plans(void)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	sqlite3 *db = empty_database();
	size_t queries = 0;

	for (const struct pawl_store_sql_file *file = pawl_store_sql_files; file->name != NULL;
	     file++) {
		assert_true(strncmp(file->text, "-- ", 3) == 0);
		if (file->name[0] != 'q')
			continue;
		queries++;
		if (strstr(file->text, "VACUUM") == NULL && strstr(file->text, "PRAGMA") == NULL &&
		    strlen(strchr(file->text, '\n')) > 20)
			print_plan(db, file, out);
	}
	assert_int_equal(queries, STORE_QUERY_COUNT);
	for (unsigned i = 0; i < STORE_QUERY_COUNT; i++) {
		sqlite3_stmt *statement = NULL;
		const char *sql = pawl_store_sql(pawl_store_query_file((store_query)i));

		assert_non_null(sql);
		assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
		sqlite3_finalize(statement);
	}
	sqlite3_close(db);
	fclose(out);
	return text;
}

static void every_query_is_prepared_and_keeps_its_plan(void **state)
{
	char golden[16384];
	char *plans = print_plans();
	FILE *file = fopen(plans_file, "r");

	(void)state;
	assert_non_null(file);
	golden[fread(golden, 1, sizeof(golden) - 1, file)] = '\0';
	fclose(file);
	assert_string_equal(plans, golden);
	free(plans);
}

static void migrations_set_their_version(void **state)
{
	sqlite3 *db = empty_database();
	sqlite3_stmt *statement = NULL;

	(void)state;
	assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &statement, NULL), 0);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	assert_int_equal(sqlite3_column_int(statement, 0), pawl_store_version());
	sqlite3_finalize(statement);
	sqlite3_close(db);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_query_is_prepared_and_keeps_its_plan),
		cmocka_unit_test(migrations_set_their_version),
	};

	if (argc != 2) {
		fprintf(stderr, "usage: store_sql_test PLANS | --plans\n");
		return 2;
	}
	if (strcmp(argv[1], "--plans") == 0) {
		char *plans = print_plans();

		fputs(plans, stdout);
		free(plans);
		return 0;
	}
	plans_file = argv[1];
	return cmocka_run_group_tests_name("store sql", tests, NULL, NULL);
}
