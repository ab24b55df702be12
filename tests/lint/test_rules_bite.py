"""The checks of layers and purity must fail when a rule is broken.

Each test breaks one rule in a copy of the tree and expects the check to name it.
"""
import pathlib
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture(name='tree')
def copy_of_the_tree(tmp_path):
    for folder in ('include', 'lib', 'programs', 'examples', 'tools'):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns('corpus', '__pycache__'))
    return tmp_path


def check_layers(tree):
    return subprocess.run([sys.executable, tree / 'tools/check_layers.py', tree], capture_output=True,
                          text=True, check=False)


def append(path, text):
    with path.open('a', encoding='utf-8') as file:
        file.write(text)


def archive_with(tree, source, extra, tmp_name):
    """Compiles one source of a pure library with `extra` appended."""
    path = tree / source
    append(path, extra)
    subprocess.run(['gcc', '-std=gnu17', '-D_GNU_SOURCE', '-I', tree / 'include', '-c', path,
                    '-o', tree / 'broken.o'], check=True)
    archive = tree / tmp_name
    subprocess.run(['ar', 'rcs', archive, tree / 'broken.o'], check=True)
    return archive


def check_pure(tree, rule, archive):
    return subprocess.run([sys.executable, tree / 'tools/check_pure.py', rule, archive], capture_output=True,
                          text=True, check=False)


def test_the_tree_as_it_is_passes(tree):
    result = check_layers(tree)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize('file, line, complaint', [
    ('lib/base/num.c', '#include "pawl/json.h"\n', 'may not see pawl/json.h'),
    ('lib/slots/slots.c', '#include "pawl/trust.h"\n', 'may not see pawl/trust.h'),
    ('lib/trust/trust.c', '#include "pawl/rollout.h"\n', 'may not see pawl/rollout.h'),
    ('lib/fleet/fleet.c', '#include "pawl/store.h"\n', 'may not see pawl/store.h'),
    ('lib/fleet/fleet.c', '#include <stdio.h>\n', '<stdio.h> in pure code'),
    ('lib/rollout/rollout.c', '#include <time.h>\n', '<time.h> in pure code'),
    ('lib/base/bytes.c', '#include <stdlib.h>\n', 'freestanding'),
    ('lib/store/store.c', '#include <openssl/evp.h>\n', 'may include <openssl/evp.h>'),
    ('lib/trust/trust.c', '#include "pawl/keys.h"\n', 'may verify but not use pawl/keys.h'),
])
def test_a_forbidden_include_is_named(tree, file, line, complaint):
    append(tree / file, line)
    result = check_layers(tree)
    assert result.returncode == 1
    assert complaint in result.stdout and file in result.stdout


def test_two_files_of_one_name_are_refused(tree):
    shutil.copy(tree / 'lib/base/num.c', tree / 'lib/codec/num.c')
    result = check_layers(tree)
    assert result.returncode == 1 and 'the name is taken' in result.stdout


@pytest.mark.parametrize('rule, source, extra, symbol', [
    ('freestanding', 'lib/base/num.c',
     'long long pawl_now(void);\n#include <time.h>\nlong long pawl_now(void) { return time(0); }\n', 'time'),
    ('freestanding', 'lib/slots/slots.c',
     '#include <stdlib.h>\nvoid *pawl_heap(void);\nvoid *pawl_heap(void) { return malloc(1); }\n', 'malloc'),
    ('pure', 'lib/rollout/rollout.c',
     '#include <time.h>\nlong pawl_now(void);\nlong pawl_now(void) { return (long)time(0); }\n', 'time'),
    ('pure', 'lib/rollout/rollout.c',
     '#include <fcntl.h>\nint pawl_file(void);\nint pawl_file(void) { return open("/", O_RDONLY); }\n', 'open'),
    ('pure', 'lib/rollout/rollout.c',
     '#include <stdlib.h>\nint pawl_draw(void);\nint pawl_draw(void) { return rand(); }\n', 'rand'),
])
def test_a_forbidden_call_is_named(tree, rule, source, extra, symbol):
    archive = archive_with(tree, source, extra, 'libbroken.a')
    result = check_pure(tree, rule, archive)
    assert result.returncode == 1
    assert f'calls {symbol}' in result.stdout, result.stdout


def test_an_empty_archive_does_not_pass(tree):
    empty = tree / 'empty.c'
    empty.write_text('extern int nothing;\n')
    subprocess.run(['gcc', '-c', empty, '-o', tree / 'empty.o'], check=True)
    subprocess.run(['ar', 'rcs', tree / 'libempty.a', tree / 'empty.o'], check=True)
    assert check_pure(tree, 'pure', tree / 'libempty.a').returncode == 1
