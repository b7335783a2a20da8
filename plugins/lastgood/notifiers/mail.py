"""A mail with a text and an HTML form, through the connection `lastgood_smtp`."""

from __future__ import annotations

import mimetypes
from collections.abc import Sequence
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, make_msgid
from typing import TYPE_CHECKING

from airflow.providers.smtp.hooks.smtp import SmtpHook

from lastgood.notifiers.channels import Address

if TYPE_CHECKING:
    from include.alerting.message import Attachment

SECONDS = 8
"""For each answer of the server. Airflow ends a failed task 20 seconds later, whatever it is telling then."""

LINES = SMTP.clone(max_line_length=500)
"""A subject that is folded at 78 characters comes out with a space in front."""


class MailHook(SmtpHook):
    """Airflow's way to the server (TLS, login, OAuth) for mails of ours: its own are HTML alone."""

    def __init__(self, address: Address) -> None:
        super().__init__(smtp_conn_id=address.conn_id)
        self._address = address

    def get_connection(self, conn_id: str) -> Address:  # type: ignore[override]
        """What was given: this runs in a thread that cannot ask Airflow."""
        return self._address

    @property
    def timeout(self) -> int:  # type: ignore[override]
        """Of the connection's extra, but never longer than there is time."""
        return min(int(super().timeout), SECONDS)

    @property
    def smtp_retry_limit(self) -> int:  # type: ignore[override]
        """As few as every version of the provider takes; the watch DAG tells again what was refused."""
        return 1

    def deliver(
        self,
        subject: str,
        text: str,
        html: str,
        to: str | list[str],
        attachments: Sequence[Attachment] = (),
    ) -> None:
        """Hand a mail over to the server. Raises OSError (SMTPException is one) where it takes it for nobody."""
        message = EmailMessage(LINES)
        message["Subject"] = " ".join(subject.split())
        message["From"] = self.from_email
        message["To"] = to if isinstance(to, str) else ", ".join(to)
        message["Date"] = formatdate()
        message["Message-ID"] = make_msgid(domain="lastgood")
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(text)
        # Whatever the length of its lines, so that every server on the way takes it.
        message.add_alternative(html, subtype="html", cte="quoted-printable")
        for each in attachments:
            kind = mimetypes.guess_type(each.name)[0] or "application/octet-stream"
            maintype, _, subtype = kind.partition("/")
            message.add_attachment(each.content, maintype=maintype, subtype=subtype, filename=each.name)
        client = self._smtp_client
        assert client is not None, "deliver() is called within `with`"
        refused = client.send_message(message)
        if refused:
            raise OSError(f"the server refused {len(refused)} of the recipients")
