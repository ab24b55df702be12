"""The check of the manual must fail when a page and a program disagree.

Each test spoils one thing in a copy of the pages and expects the check to name it. The programs
are those of the build folder: PAWL_BUILD, or the current folder, which it is under `meson test`.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get('PAWL_BUILD', '.')).resolve()


@pytest.fixture(name='tree')
def copy_of_the_docs(tmp_path):
    assert (BUILD / 'programs/pawl/pawl').exists(), f'no programs in {BUILD}; set PAWL_BUILD'
    shutil.copytree(ROOT / 'docs', tmp_path / 'docs')
    (tmp_path / 'include/pawl').mkdir(parents=True)
    shutil.copy(ROOT / 'include/pawl/device.h', tmp_path / 'include/pawl')
    return tmp_path


def check(tree):
    return subprocess.run([sys.executable, ROOT / 'tools/check_docs.py', tree, BUILD], capture_output=True,
                          text=True, check=False)


def spoil(path, pattern, replacement):
    text = path.read_text(encoding='utf-8')
    spoiled, count = re.subn(pattern, replacement, text, count=1, flags=re.M)
    assert count == 1, f'{path} has no {pattern}'
    path.write_text(spoiled, encoding='utf-8')


def test_the_pages_are_right(tree):
    result = check(tree)
    assert result.returncode == 0, result.stdout
    assert 'agree' in result.stdout


@pytest.mark.parametrize('page, pattern, replacement, complaint', [
    ('pawl.1', r'^\.It Fl -budget Ar N\n', '.Pp\n', '--budget of "rollout start" is not described'),
    ('pawl.1', r'^\.It Fl -no-publish\n', '.It Fl -no-print\n', 'describes --no-print of "channel set"'),
    ('pawl.1', r'^\.It Fl n , Fl -dry-run\n', '.It Fl n\n', '--dry-run of "key create" is not described'),
    ('pawl.1', r'^\.It Cm device revoke', '.It Cm device forget', 'the command "device revoke" is not in COMMANDS'),
    ('pawl-server.8', r'^\.It Fl -print-config\n', '.Pp\n', '--print-config of "run" is not described'),
    ('pawl-server.8', r'^\.It Cm token remove', '.It Cm token drop', 'describes "token drop"'),
    ('pawl-board.1', r'^\.It Fl -max-boots Ar N\n', '.Pp\n', '--max-boots of "run" is not described'),
    ('pawl-agent.8', r'^\.It Fl -check-config\n', '.Pp\n', '--check-config is described neither here nor in'),
    ('pawl-agent.conf.5', r'^\.It Cm watchdog .*\n', '.Pp\n', 'the setting watchdog is not described'),
    ('pawl-agent.conf.5', r'^(\.It Cm poll-min-s .*) 30s$', r'\1 31s', 'the default of poll-min-s is 30s'),
    ('pawl-agent.conf.5', r'^(\.It Cm device-id Ar text)$', r'\1 Pq none', 'the default of device-id is None'),
    ('pawl-server.conf.5', r'^\.It Cm idle-timeout-s', '.It Cm idle-time-s', 'describes idle-time-s'),
    ('pawl-server.8', r'^\.Sh FILES$', '.Sh FILES\n.Xy', 'unknown macro'),
])
def test_a_page_that_is_wrong_is_named(tree, page, pattern, replacement, complaint):
    spoil(tree / 'docs/man' / page, pattern, replacement)
    result = check(tree)
    assert result.returncode == 1
    assert complaint in result.stdout, result.stdout


def test_a_missing_page_is_named(tree):
    (tree / 'docs/man/pawl-board.1').unlink()
    result = check(tree)
    assert result.returncode == 1 and 'docs/man/pawl-board.1: is missing' in result.stdout


def test_a_page_that_is_not_installed_is_named(tree):
    shutil.copy(tree / 'docs/man/pawl.1', tree / 'docs/man/other.1')
    result = check(tree)
    assert result.returncode == 1 and 'docs/man/other.1: is not installed' in result.stdout


def test_a_link_that_leads_nowhere_is_named(tree):
    (tree / 'docs/page.md').write_text('See [this](spec/none.md), [that](spec/device.md) and `[x](y)`.\n',
                                       encoding='utf-8')
    result = check(tree)
    assert result.returncode == 1
    assert result.stdout.splitlines() == ['docs/page.md: the link to spec/none.md leads nowhere']


def test_a_reason_that_is_not_explained_is_named(tree):
    spoil(tree / 'docs/spec/device.md', 'boot-failed', 'boot-broken')
    result = check(tree)
    assert result.returncode == 1 and 'the reason id boot-failed is not there' in result.stdout


def test_programs_that_are_not_built_are_named(tree):
    result = subprocess.run([sys.executable, ROOT / 'tools/check_docs.py', ROOT, tree], capture_output=True,
                            text=True, check=False)
    assert result.returncode == 1 and 'is not built' in result.stdout
