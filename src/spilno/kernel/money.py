"""Money is a decimal amount with its currency; it is never a float."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, order=True)
class Money:
    """``amount`` in units of ``currency`` (ISO 4217)."""

    amount: Decimal
    currency: str

    def __add__(self, other: Money) -> Money:
        if self.currency != other.currency:
            raise ValueError(f"cannot add {other.currency} to {self.currency}")
        return Money(self.amount + other.amount, self.currency)

    def __str__(self) -> str:
        """``"39000 UAH"``: whole amounts without decimals, others with two."""
        whole = self.amount == self.amount.to_integral_value()
        return f"{self.amount.quantize(Decimal(1) if whole else Decimal('0.01'))} {self.currency}"
