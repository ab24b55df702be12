"""The page about sealed artifacts explains every verdict, and none that is not there."""
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]


def test_the_page_names_every_verdict():
    header = (ROOT / 'include/pawl/seal.h').read_text(encoding='utf-8')
    page = (ROOT / 'docs/spec/sealed-artifacts.md').read_text(encoding='utf-8')
    ids = re.findall(r'^\tX\(\w+, "([a-z-]+)",', header, flags=re.M)
    rows = page.split('## Verdicts')[1].split('\n## ')[0]
    assert len(ids) > 10
    assert re.findall(r'^\| `([a-z-]+)` \|', rows, flags=re.M) == ids
