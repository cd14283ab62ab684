"""Amount and day alone pair only what nothing else speaks against: neither a number, used up or not, nor a name."""

from tests.matching.worlds import invoice, line, world

MEIER = invoice("RE-90001", 10_000, name="Meier GmbH", day=1)
SCHULZ = invoice("RE-90002", 10_000, name="Schulz AG", day=2)


def test_a_second_payment_of_one_invoice_pays_no_other_customers_in_a_later_run() -> None:
    with world("open-items-to-bank", MEIER, SCHULZ, line("b1", 10_000, "RE-90001", name="Meier", day=4)) as w:
        w.match()
        assert w.together() == {frozenset({"RE-90001", "b1"})}
        w.add(line("b2", 10_000, "RE-90001", text="Rechnung RE-90001", name="Meier", day=5))
        w.match()
        assert w.together() == {frozenset({"RE-90001", "b1"})}
        assert "b2" in w.reasons()


def test_nor_without_any_name() -> None:
    documents = [invoice("RE-90001", 10_000, day=1), invoice("RE-90002", 10_000, day=2)]
    with world("open-items-to-bank", *documents, line("b1", 10_000, "RE-90001", day=4)) as w:
        w.match()
        w.add(line("b2", 10_000, text="nochmal RE 90001", day=5))
        w.match()
        assert w.together() == {frozenset({"RE-90001", "b1"})}


def test_a_payer_of_another_name_is_not_taken_for_the_customer() -> None:
    payment = line("b1", 10_000, "RE-90002", name="Schulz Aktiengesellschaft", day=3)
    with world("open-items-to-bank", MEIER, payment) as w:
        w.match()
        assert w.together() == set()


def test_names_that_are_spelled_otherwise_or_absent_do_not_speak_against_it() -> None:
    for payer in ("MEIER G.M.B.H.", "Anna Meier", "Meïer und Söhne", None):
        with world("open-items-to-bank", MEIER, line("b1", 10_000, name=payer, day=3)) as w:
            w.match()
            assert w.together() == {frozenset({"RE-90001", "b1"})}, payer


def test_a_sum_of_another_customers_documents_is_not_taken_either() -> None:
    documents = [invoice(f"RE-8000{n}", amount, name="Meier GmbH", day=1) for n, amount in enumerate((12_341, 23_457))]
    with world("open-items-to-bank", *documents, line("b1", 35_798, name="Schulz AG", day=3)) as w:
        w.match()
        assert w.together() == set()
