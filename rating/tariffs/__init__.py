"""The tariff book: a folder of dated files (SPEC 12) read, checked and laid out as arrays."""

from rating.tariffs.book import TariffBook, load_book

__all__ = ["TariffBook", "load_book"]
