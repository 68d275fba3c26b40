"""Which certificates were issued to devices, and which of them no longer count."""

from sqlalchemy import Connection, insert, select, update

from cloud.devices.tables import certificates
from cloud.keys.ca import Issued, Revoked


def add_certificate(connection: Connection, device: str, public_key: bytes, issued: Issued, now_ms: int) -> None:
    connection.execute(
        insert(certificates).values(
            serial=issued.serial,
            device=device,
            public_key=public_key,
            certificate=issued.certificate,
            issued_ms=now_ms,
            not_after_ms=issued.not_after_ms,
        )
    )


def newest_certificate(connection: Connection, device: str, public_key: bytes) -> tuple[Issued, int] | None:
    """The last certificate that this key of the device was given and that still counts, and when."""
    mine = (certificates.c.device == device) & (certificates.c.public_key == public_key)
    query = select(certificates).where(mine & certificates.c.revoked_ms.is_(None))
    row = connection.execute(query.order_by(certificates.c.issued_ms.desc()).limit(1)).first()
    return None if row is None else (Issued(row.serial, row.certificate, row.not_after_ms), row.issued_ms)


def revoke_certificates(connection: Connection, device: str, now_ms: int) -> int:
    """Nothing that was issued to the device counts any longer; returns how many certificates that were."""
    mine = (certificates.c.device == device) & certificates.c.revoked_ms.is_(None)
    return connection.execute(update(certificates).where(mine).values(revoked_ms=now_ms)).rowcount


def revoked_certificates(connection: Connection, now_ms: int) -> list[Revoked]:
    """Those that would still be good if they had not been revoked."""
    c = certificates.c
    query = select(c.serial, c.revoked_ms).where(c.revoked_ms.is_not(None) & (c.not_after_ms > now_ms))
    return [Revoked(*row) for row in connection.execute(query.order_by(c.revoked_ms, c.serial))]
