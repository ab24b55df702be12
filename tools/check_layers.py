#!/usr/bin/env python3
"""check_layers.py ROOT: fails when a file includes a header it may not see.

The rules (ARCHITECTURE.md): a file includes headers of lower layers and of
its own module only; modules of one layer do not see each other, except in
layer 5 and above where a module lists what it uses. Each public header
belongs to exactly one module. Only named modules may include a library from
outside, and folders above the purity line include no header that does I/O.
"""
import pathlib
import re
import sys

# module -> (layer, its public headers)
MODULES = {
    'base': (0, 'arena bytes err limits num prng time'),
    'crypto': (1, 'crypto keys tls x509'),
    'codec': (1, 'json text url http1 record date'),
    'trust': (2, 'trust trust_repo release'),
    'slots': (2, 'slots bootrec'),
    'rollout': (2, 'rollout'),
    'seal': (2, 'seal'),
    'ddi': (3, 'ddi'),
    'device': (3, 'device'),
    'fleet': (3, 'fleet'),
    'env_posix': (4, 'env'),
    'store': (5, 'store'),
    'http': (5, 'http'),
    'fetch': (5, 'fetch'),
    'conf': (5, 'conf'),
    'log': (5, 'log'),
    'cli': (5, 'cli'),
}
PURITY_LINE = 4  # layers below this number do no I/O

# A header of the crypto module that makes keys or reads the random source:
# pure modules verify, they never sign or generate.
HOSTED_ONLY = {'keys', 'x509', 'tls'}

# Libraries from outside, and who may include them.
OUTSIDE = {
    r'openssl/': {'lib/crypto'},
    r'curl/': {'lib/fetch'},
    r'sqlite3\.h': {'lib/store'},
    r'uv\.h': {'lib/http', 'programs/server'},
    r'archive(_entry)?\.h': {'programs/board'},
}

# What a pure folder may include from the C library.
PURE_SYSTEM = {
    'assert.h', 'float.h', 'inttypes.h', 'limits.h', 'math.h', 'stdalign.h', 'stdbool.h',
    'stddef.h', 'stdint.h', 'string.h', 'stdlib.h',
}
FREESTANDING = {'lib/base', 'lib/slots'}

HEADER_OWNER = {
    header: module for module, (_, headers) in MODULES.items() for header in headers.split()
}


def layer_of_folder(folder):
    parts = folder.split('/')
    if parts[0] == 'lib' and parts[1] in MODULES:
        return parts[1], MODULES[parts[1]][0]
    return None, 6


def check_file(path, folder, report):
    module, layer = layer_of_folder(folder)
    is_test = path.name.endswith(('_test.c', '_fuzz.c'))
    text = path.read_text(encoding='utf-8')
    for line_number, line in enumerate(text.splitlines(), 1):
        where = f'{path}:{line_number}'
        own = re.match(r'\s*#\s*include\s+"pawl/(\w+)\.h"', line)
        system = re.match(r'\s*#\s*include\s+<([^>]+)>', line)
        if own:
            header = own.group(1)
            if header not in HEADER_OWNER:
                report(f'{where}: pawl/{header}.h belongs to no module; add it to tools/check_layers.py')
                continue
            owner = HEADER_OWNER[header]
            owner_layer = MODULES[owner][0]
            if owner != module and owner_layer >= layer and not (layer >= 5 and owner_layer == 5):
                report(f'{where}: {folder} (layer {layer}) may not see pawl/{header}.h '
                       f'({owner}, layer {owner_layer})')
            if header in HOSTED_ONLY and layer < PURITY_LINE and module != 'crypto' and not is_test:
                report(f'{where}: pure code may verify but not use pawl/{header}.h')
        elif system:
            name = system.group(1)
            for pattern, allowed in OUTSIDE.items():
                if re.match(pattern, name) and folder not in allowed and not is_test:
                    report(f'{where}: only {", ".join(sorted(allowed))} may include <{name}>')
            if layer < PURITY_LINE and not is_test and module != 'crypto':
                if name not in PURE_SYSTEM:
                    report(f'{where}: <{name}> in pure code: no clock, file, socket or stdio here')
                if folder in FREESTANDING and name == 'stdlib.h':
                    report(f'{where}: <stdlib.h> in a freestanding library')


def check_tree(root):
    problems = []
    report = problems.append
    seen = {}
    for top in ('lib', 'programs', 'examples'):
        for path in sorted((root / top).rglob('*.[ch]')):
            folder = '/'.join(path.parent.relative_to(root).parts[:2])
            check_file(path, folder, report)
            if path.name in seen and path.name != 'main.c':
                report(f'{path}: the name is taken by {seen[path.name]}; file names are unique')
            seen[path.name] = path
    for path in sorted((root / 'include/pawl').glob('*.h')):
        if path.stem not in HEADER_OWNER:
            report(f'{path}: belongs to no module; add it to tools/check_layers.py')
            continue
        layer = MODULES[HEADER_OWNER[path.stem]][0]
        for name in re.findall(r'#include "pawl/(\w+)\.h"', path.read_text(encoding='utf-8')):
            owner = HEADER_OWNER.get(name)
            if owner is None:
                report(f'{path}: includes pawl/{name}.h, which belongs to no module')
            elif owner != HEADER_OWNER[path.stem] and MODULES[owner][0] >= layer:
                report(f'{path}: may not see pawl/{name}.h')
    return problems


def main():
    problems = check_tree(pathlib.Path(sys.argv[1]))
    print('\n'.join(problems) if problems else 'layers hold')
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main())
