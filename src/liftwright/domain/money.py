"""Money: integer minor units and a currency. Never a float, never two currencies in one sum."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation

from pydantic import field_validator

from liftwright.domain.base import Value

_EXPONENTS = {"JPY": 0, "KRW": 0, "VND": 0, "CLP": 0, "ISK": 0, "BHD": 3, "KWD": 3, "TND": 3}
"""ISO 4217 minor-unit exponents that differ from 2."""


def exponent_of(currency: str) -> int:
    """Decimal places of a currency's minor unit (ISO 4217)."""
    return _EXPONENTS.get(currency, 2)


class Money(Value):
    """An amount in the currency's minor units (cents), for example `Money(minor=12345, currency="USD")` = 123.45 USD."""

    minor: int
    currency: str

    @field_validator("currency")
    @classmethod
    def _iso_code(cls, code: str) -> str:
        if len(code) != 3 or not code.isalpha() or not code.isupper():
            raise ValueError(f"'{code}' is not a three-letter ISO 4217 currency code such as USD")
        return code

    @classmethod
    def of(cls, amount: Decimal | str | int | float, currency: str) -> Money:
        """Round an amount in major units half to even; raises ValueError when it is not a finite number."""
        try:
            value = Decimal(str(amount))
        except InvalidOperation as error:
            raise ValueError(f"'{amount}' is not an amount") from error
        if not value.is_finite():
            raise ValueError(f"'{amount}' is not a finite amount")
        scaled = value.scaleb(exponent_of(currency)).quantize(Decimal(1), rounding=ROUND_HALF_EVEN)
        return cls(minor=int(scaled), currency=currency)

    @property
    def amount(self) -> Decimal:
        """The amount in major units, exact."""
        return Decimal(self.minor).scaleb(-exponent_of(self.currency))

    def as_json(self) -> dict[str, str]:
        """The shape the JSON contract uses: `{"amount": "123.45", "currency": "USD"}`."""
        return {"amount": f"{self.amount:.{exponent_of(self.currency)}f}", "currency": self.currency}

    def __add__(self, other: Money) -> Money:
        self._same(other)
        return Money(minor=self.minor + other.minor, currency=self.currency)

    def __sub__(self, other: Money) -> Money:
        self._same(other)
        return Money(minor=self.minor - other.minor, currency=self.currency)

    def __lt__(self, other: Money) -> bool:
        self._same(other)
        return self.minor < other.minor

    def __le__(self, other: Money) -> bool:
        self._same(other)
        return self.minor <= other.minor

    def __str__(self) -> str:
        return f"{self.amount:,.{exponent_of(self.currency)}f} {self.currency}"

    def _same(self, other: Money) -> None:
        if other.currency != self.currency:
            raise ValueError(f"cannot combine {self.currency} with {other.currency}")
