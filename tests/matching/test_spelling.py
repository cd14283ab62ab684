"""What a rule set says of spellings: parts of identifiers that do not count, letters, and other names of a party."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.matching.worlds import invoice, line, rule, rules_text, world
from tieout.errors import WrongUse
from tieout.matching.comparing.check_digits import SCHEMES, without_check
from tieout.matching.comparing.spelling import apart_by_name, names_said, rewritten_forms, spelled_out
from tieout.matching.grammar.reading import read_rules
from tieout.matching.grammar.rules import CHECKS, Alias, Drop, Key
from tieout.matching.grammar.writing import alias_text, key_text

DROPPED = '[{ left = "external_id", right = "references", how = "normalised", drop = { left = { prefix = "INV" } } }]'
ALIASES = '\n[[alias]]\nleft = "Sunrise Retail GmbH"\nright = "SRX Holding"\n'
BY_NAME = rule("by name", keys='[{ left = "counterparty", right = "counterparty", how = "name" }]')


@pytest.mark.parametrize(
    ("said", "drop", "form"),
    [
        ("INV-0012", Drop(prefix="INV"), "12"),
        ("inv 12", Drop(prefix="INV"), "12"),
        ("RE-12", Drop(prefix="INV"), "RE12"),
        ("INV", Drop(prefix="INV"), "INV"),
        ("12-DE", Drop(suffix="DE"), "12"),
        ("4711-3", Drop(last=1), "4711"),
        ("7", Drop(last=1), "7"),
        ("INV-4711-DE-3", Drop(prefix="INV", last=1), "4711DE"),
        ("RF18 5390 0754 7034", Drop(check="iso11649"), "539007547034"),
        ("rf18 0000 0000 0539 0075 4703 4", Drop(check="iso11649"), "539007547034"),
        ("RF19 5390 0754 7034", Drop(check="iso11649"), "RF19539007547034"),
        ("RF18 1234", Drop(check="iso11649"), "RF181234"),
        ("21 00000 00003 13947 14300 09017", Drop(check="swiss"), "21000000000313947143000901"),
        ("00 00000 00000 00000 00018 78583", Drop(check="swiss"), "187858"),
        ("21 00000 00003 13947 14300 09016", Drop(check="swiss"), "210000000003139471430009016"),
        ("7992739871-3", Drop(check="luhn"), "7992739871"),
        ("7992739871-4", Drop(check="luhn"), "79927398714"),
        ("+++010/8068/17183+++", Drop(check="belgian"), "108068171"),
        ("+++010/8068/17180+++", Drop(check="belgian"), "10806817180"),
        ("000/0000/09797", Drop(check="belgian"), "97"),  # what is left over nothing is written 97
        ("1 23453", Drop(check="finnish"), "12345"),
        ("1 23454", Drop(check="finnish"), "123454"),
        ("AB-7", Drop(check="finnish"), "AB7"),
        ("9", Drop(check="luhn"), "9"),
        ("--", Drop(check="belgian"), None),
        ("K-1234561", Drop(prefix="K", check="finnish"), "123456"),
        ("RE-000815", Drop(zeros=True), "RE815"),
        ("2026/000815", Drop(zeros=True), "2026815"),
        ("re 0815/007", Drop(zeros=True), "RE8157"),
        ("A-000-5", Drop(zeros=True), "A05"),
        ("10050", Drop(zeros=True), "10050"),
        (None, Drop(prefix="INV"), None),
        ("--", Drop(prefix="INV"), None),
    ],
)
def test_what_is_dropped_of_an_identifier(said: str | None, drop: Drop, form: str | None) -> None:
    assert rewritten_forms(pa.array([said], pa.string()), drop, ()).to_pylist() == [form]


def test_german_letters_are_written_with_two() -> None:
    assert spelled_out(pa.array(["Größe ÄÖÜ"]), ("german",)).to_pylist() == ["Groesse AEOEUE"]
    assert rewritten_forms(pa.array(["Grün 1", "GRUEN 1"]), Drop(), ("german",)).to_pylist() == ["GRUEN1", "GRUEN1"]


@pytest.mark.parametrize(
    ("letters", "said", "written"),
    [
        (("nordic",), "Møller Ågård Sæther", "Moeller AAgaard Saether"),
        (("nordic",), "ØRSTED ÅS", "OERSTED AAS"),
        (("croatian",), "Đorđe Đukić", "DJordje DJukić"),
        (("german", "croatian"), "Müller Đukić", "Mueller DJukić"),
        (("nordic",), "A\u030ase Mu\u0308ller", "AAse M\u00fcller"),  # as some systems write marks: a sign of their own
    ],
)
def test_letters_of_other_languages_are_written_with_two(letters: tuple[str, ...], said: str, written: str) -> None:
    assert spelled_out(pa.array([said]), letters).to_pylist() == [written]


def test_every_scheme_of_the_grammar_is_known() -> None:
    assert set(SCHEMES) == set(CHECKS)


@given(number=st.integers(1, 10**9))
def test_a_wrong_check_digit_is_never_left_out(number: int) -> None:
    """Of the ten last digits one is right."""
    for scheme in ("swiss", "luhn", "finnish"):
        left_out = [without_check(f"{number}{digit}", scheme) for digit in range(10)]
        assert min(map(len, left_out)) == len(str(number))
        assert sum(len(one) == len(str(number)) for one in left_out) == 1
    pairs = [without_check(f"{number}{check:02}", "belgian") for check in range(100)]
    assert pairs.count(str(number)) == 1


def test_who_bears_a_right_name_bears_the_left_ones_too() -> None:
    rows = pa.table({"thing": [1, 2, 3], "said": ["srx holding b.v.", "Other", None]})
    aliases = (Alias("Sunrise Retail", "SRX Holding BV"), Alias("Moon", "SRX HOLDING"))
    told = names_said(rows, aliases).to_pylist()
    said = [(row["thing"], row["form"]) for row in told if row["words"] or not row["form"]]
    assert said == [(1, "SRXHOLDINGBV"), (2, "OTHER"), (3, None), (1, "SUNRISERETAIL")]
    plain = names_said(pa.table({"thing": [1], "said": ["SRX Holding"]}), aliases)["form"].to_pylist()
    assert plain[:3] == ["SRXHOLDING", "SUNRISERETAIL", "MOON"]
    assert plain[3:] == ["HOLDINGSRX", "RETAILSUNRISE"]  # the words in the order of the alphabet


def test_two_names_of_one_party_are_not_two_parties() -> None:
    rows = pa.table({"bundle": [1, 2, 3], "one": ["Sunrise", "Sunrise", "SRX"], "other": ["SRX", "Third", "Sunrise"]})
    assert apart_by_name(rows)["bundle"].to_pylist() == [1, 2, 3]
    assert apart_by_name(rows, [Alias("Sunrise", "SRX")])["bundle"].to_pylist() == [2, 3]


def test_a_rule_that_drops_something_matches_and_stays_provisional() -> None:
    facts = (invoice("INV1001", 100), line("b1", 100, "1001"), invoice("RE1002", 200), line("b2", 200, "1002"))
    with world(rules_text(rule("dropped", keys=DROPPED)), *facts) as w:
        assert w.matched() == {frozenset({"INV1001", "b1"})}
        assert {row["provisional"] for row in w.rows()} == {True}


@pytest.mark.parametrize(
    ("drop", "document", "came", "wrong"),
    [
        ('{ right = { check = "iso11649" } }', "539007547034", "RF18 5390 0754 7034", "RF19 5390 0754 7034"),
        ('{ right = { check = "swiss" } }', "RE-187858", "00 00000 00000 00000 00018 78583", "00 00000 00000 00000 00018 78584"),
        ('{ right = { check = "belgian" } }', "0108068171", "+++010/8068/17183+++", "+++010/8068/17182+++"),
        ('{ right = { check = "finnish" } }', "123456", "1 23456 1", "1 23456 2"),
        ("{ left = { zeros = true }, right = { zeros = true } }", "2026/000815", "2026-815", "2026-8150"),
    ],
)  # fmt: skip
def test_check_digits_and_zeros_are_left_out_and_checked(drop: str, document: str, came: str, wrong: str) -> None:
    """The number that a bank's reference ends in is the document's if its check digits are right."""
    drop = drop if document[0] != "R" else drop.replace("{ right", '{ left = { prefix = "RE" }, right')
    keys = f'[{{ left = "external_id", right = "references", how = "normalised", drop = {drop} }}]'
    for reference, found in ((came, {frozenset({document, "b"})}), (wrong, set())):
        with world(rules_text(rule("checked", keys=keys)), invoice(document, 100), line("b", 100, reference)) as w:
            assert w.matched() == found
            assert {row["provisional"] for row in w.rows()} <= {True}


def test_what_is_dropped_never_picks_one_of_two() -> None:
    """Unless the line says one of them in full: then that is meant, and not what is so without its beginning."""
    two, one = (invoice("INV1001", 100), invoice("INV-1001", 100)), (invoice("INV1001", 100), invoice("1001", 100))
    for facts, found in ((two, set()), (one, {frozenset({"1001", "b1"})})):
        with world(rules_text(rule("dropped", keys=DROPPED)), *facts, line("b1", 100, "1001")) as w:
            assert w.matched() == found


def test_an_alias_lets_names_agree_and_no_other_names() -> None:
    facts = (
        *(invoice("i1", 100, name="Sunrise Retail"), line("b1", 100, name="SRX HOLDING")),
        *(invoice("i2", 200, name="Sunrise Retail"), line("b2", 200, name="Third Party")),
        *(invoice("i3", 300, name="SRX Holding"), line("b3", 300, name="Sunrise Retail GmbH")),
    )
    with world(rules_text(BY_NAME) + ALIASES, *facts) as w:
        assert w.matched() == {frozenset({"i1", "b1"})}


def test_a_rule_of_amounts_does_not_take_two_names_of_one_party_for_two() -> None:
    facts = (invoice("i1", 100, name="Sunrise Retail"), line("b1", 100, name="SRX HOLDING"))
    amounts = rules_text(rule("amount", days="{ from = 0, to = 3 }"))
    for text, found in ((amounts, set()), (amounts + ALIASES, {frozenset({"i1", "b1"})})):
        with world(text, *facts) as w:
            assert w.matched() == found


def test_what_is_written_is_what_is_read() -> None:
    keys = [
        Key(("external_id",), ("references", "text"), "token"),
        Key(
            ("external_id",),
            ("references",),
            "normalised",
            (Drop(prefix="INV", last=2), Drop(suffix='DE"')),
            ("german",),
        ),
        Key(("counterparty",), ("counterparty",), "name", letters=("german",)),
        Key(
            ("external_id",),
            ("references",),
            "normalised",
            (Drop(zeros=True), Drop(check="swiss")),
            ("nordic", "croatian"),
        ),
    ]
    names = [Alias('Müller "& Söhne"', "A\\B\tC\x7f"), Alias("Zoë 🦊", "Fox")]
    for key in keys:
        text = rules_text(rule("one", keys=f"[{key_text(key)}]"))
        (read,) = read_rules(text, "own.toml").rules[0].keys
        assert (read.left, read.right, read.how, read.letters) == (key.left, key.right, key.how, key.letters)
        assert read.drop[0] == key.drop[0]
    whole = rules_text(rule("one", reference="exact")) + "\n" + "\n".join(map(alias_text, names))
    assert read_rules(whole, "own.toml").aliases == tuple(names)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (rule("r", keys='[{ left = "external_id", right = "text", how = "token", drop = { left = { last = 1 } } }]'), "line 7: expected how = 'normalised' beside 'drop'"),
        (rule("r", keys='[{ left = "external_id", right = "text", letters = "german" }]'), "line 7: expected how = 'normalised' or 'name' beside 'letters'"),
        (rule("r", keys=DROPPED.replace("prefix", "prefx")), "line 7: unknown key 'prefx' in 'left' of 'drop'"),
        (rule("r", keys=DROPPED.replace("INV", "--")), "line 7: expected letters or digits, not only marks and zeros, for 'prefix'"),
        (rule("r", keys=DROPPED.replace('prefix = "INV"', "last = 0")), "line 7: expected a whole number from 1 to 9 for 'last'"),
        (rule("r", keys=DROPPED.replace('{ prefix = "INV" }', "{}")), "line 7: expected one of 'prefix', 'suffix', 'check', 'last', 'zeros'"),
        (rule("r", keys=DROPPED.replace('prefix = "INV"', 'check = "luhnn"')), "line 7: expected one of iso11649, swiss, luhn, belgian, finnish for 'check' in 'left' of 'drop' of 'keys' of [[rule]] 'r', got 'luhnn'; did you mean 'luhn'?"),
        (rule("r", keys=DROPPED.replace('prefix = "INV"', "zeros = 1")), "line 7: expected true or false for 'zeros'"),
        (rule("r", keys=DROPPED.replace("drop = {", 'letters = ["german", "nordik"], drop = {')), "line 7: expected one of german, nordic, croatian for 'letters' in 'keys' of [[rule]] 'r', got 'nordik'; did you mean 'nordic'?"),
        (rule("r", keys=DROPPED.replace('{ left = { prefix = "INV" } }', "{}")), "line 7: expected what is dropped of left or right"),
        (rule("r") + '[[alias]]\nleft = "A Corp"\n', "line 7: expected 'right' in [[alias]]"),
        (rule("r") + '[[alias]]\nleft = "A-1"\nright = "a 1"\n', "line 9: expected another name than 'A-1'"),
        (rule("r") + '[[alias]]\nleft = "A"\nright = "B"\n' * 2, "line 10: expected a new [[alias]], got one again (first on line 7)"),
        (rule("r") + '[[alias]]\nleft = "A"\nrigth = "B"\n', "line 9: unknown key 'rigth' in [[alias]]; did you mean 'right'?"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_with_its_place(text: str, says: str) -> None:
    with pytest.raises(WrongUse) as refused:
        read_rules(rules_text(text), "own.toml")
    assert says in str(refused.value)
