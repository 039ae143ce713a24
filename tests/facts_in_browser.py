"""Writing the letters' facts in a browser: what is true for everybody, then each group's words."""

from __future__ import annotations

from playwright.sync_api import Page, expect

OF_ALL = {
    "what_happened": "The pages of your account or your mail could be opened.",
    "consequences": "Somebody may write to you and know real details of your invoices.",
    "measures": "22 November 2026: closed the sessions.\n22 November 2026: removed the mailbox rule.",
    "steps": "Change your password through your usual bookmark.\nCheck changed bank details by "
    "a number you already have.\nTell us of anything odd.",
}
OF_CONTROLLERS = {
    "nature": "A stranger guessed a password.",
    "encryption": "The stranger used a valid sign-in, so encryption did not protect the data.",
    "people_and_records": "Not yet counted; the list of files is in our logs.",
    "deleted_but_in_backups": "Mail is kept in backups for two months.",
    "sub_processors": "Microsoft Ireland Operations Ltd.",
    "log_extracts": "We hold the sign-in lines for 90 days.",
}


def write_facts(
    page: Page, path: str, what_happened: str, next_update: str = "2026-11-27 17:00"
) -> None:
    """Ends on the facts' page, with words for every group of readers."""
    page.goto(f"{path}/facts")
    page.fill("#f-what_happened", what_happened)
    page.fill("#f-next_update", next_update)
    _press(page, "Save the facts for everybody")
    unwritten = page.get_by_role("link", name="Write the text for")
    for _ in range(unwritten.count()):
        unwritten.first.click()
        is_pack = page.locator("#f-nature").count() > 0
        for name, text in (OF_ALL | (OF_CONTROLLERS if is_pack else {})).items():
            page.fill(f"#f-{name}", text)
        _press(page, "Save this text")
    expect(unwritten).to_have_count(0)


def _press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name).first.click()
    expect(page.locator(".said")).to_contain_text("Facts saved")
