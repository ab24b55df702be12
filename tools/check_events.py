#!/usr/bin/env python3
"""check_events.py ROOT: fails when a program logs an event that is not in the catalogue.

lib/log/events.txt has one event a line: `name | meaning | what to do`. Each
name that programs/ hands to pawl_log_event has to stand in it, must be a
literal, and no name may stand there twice. So must the names in lib/fleet,
whose LOG effects the server logs as they are. Names that nobody uses are
listed as a remark, not as a failure.
"""
import pathlib
import re
import sys

NAME = re.compile(r'[a-z][a-z0-9_-]*(\.[a-z][a-z0-9_-]*)+')
# What the fleet's LOG effects are about; its other words with a dot are attributes.
FLEET_NAME = re.compile(r'"((?:device|enrolment|action|rollout|release)\.[a-z_]+)"')
CALL = re.compile(r'\bpawl_log_event\s*\(')


def read_catalogue(path, report):
    events = {}
    for number, line in enumerate(path.read_text(encoding='utf-8').splitlines(), 1):
        if not line.strip() or line.startswith('#'):
            continue
        fields = [field.strip() for field in line.split('|')]
        where = f'{path}:{number}'
        if len(fields) != 3 or not all(fields):
            report(f'{where}: expected "name | meaning | what to do"')
        elif not NAME.fullmatch(fields[0]):
            report(f'{where}: "{fields[0]}" is not of the form area.what')
        elif fields[0] in events:
            report(f'{where}: "{fields[0]}" stands in line {events[fields[0]]} already')
        else:
            events[fields[0]] = number
    return events


def arguments_of(text, begin):
    """The top-level arguments of the call whose '(' stands before `begin`."""
    depth, in_string, current, found, at = 1, False, '', [], begin
    while at < len(text) and depth > 0:
        char = text[at]
        if in_string:
            current += char
            if char == '\\':
                at += 1
                current += text[at]
            elif char == '"':
                in_string = False
        elif char == '"':
            in_string = True
            current += char
        elif char == ',' and depth == 1:
            found.append(current.strip())
            current = ''
        else:
            depth += (char in '([{') - (char in ')]}')
            if depth > 0:
                current += char
        at += 1
    return found + [current.strip()]


def check_file(path, events, used, report):
    text = path.read_text(encoding='utf-8')
    for call in CALL.finditer(text):
        where = f'{path}:{text.count(chr(10), 0, call.start()) + 1}'
        arguments = arguments_of(text, call.end())
        name = arguments[2] if len(arguments) > 2 else ''
        if not re.fullmatch(r'"[^"\\]*"', name):
            report(f'{where}: the event name must be one string literal, found {name or "nothing"}')
            continue
        used.add(name.strip('"'))
        if name.strip('"') not in events:
            report(f'{where}: {name} is not in lib/log/events.txt; add its meaning and what to do')


def check_fleet(path, events, used, report):
    for number, line in enumerate(path.read_text(encoding='utf-8').splitlines(), 1):
        for name in FLEET_NAME.findall(line):
            used.add(name)
            if name not in events:
                report(f'{path}:{number}: "{name}" is not in lib/log/events.txt')


def self_test():
    """The checker itself: a call over several lines, with commas and brackets inside."""
    text = 'pawl_log_event(&x, L,\n "a.b", TEXT("k", f(1, 2)), TEXT("k", ",)\\""));'
    found = arguments_of(text, text.index('(') + 1)
    assert found[2] == '"a.b"' and len(found) == 5, found


def main():
    self_test()
    root = pathlib.Path(sys.argv[1])
    problems = []
    used = set()
    events = read_catalogue(root / 'lib/log/events.txt', problems.append)
    if not events:
        problems.append('lib/log/events.txt has no events')
    for path in sorted((root / 'programs').rglob('*.[ch]')):
        if not path.name.endswith(('_test.c', '_fuzz.c')):
            check_file(path, events, used, problems.append)
    for path in sorted((root / 'lib/fleet').glob('*.c')):
        if not path.name.endswith(('_test.c', '_fuzz.c', '_model.c')):
            check_fleet(path, events, used, problems.append)
    print('\n'.join(problems) if problems else f'{len(used)} events are logged, {len(events)} known')
    unused = sorted(set(events) - used)
    if unused and not problems:
        print('not logged by anybody: ' + ' '.join(unused))
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main())
