"""The shop of the shipped set: what it sells, where it lies, who buys."""

from dataclasses import dataclass

# Made up, like its numbers.
SELLER = {
    "seller": "cauce",
    "legal_name": "Cauce Coffee Things B.V.",
    "address": {"line1": "Waalhaven 12", "city": "Rotterdam", "postal_code": "3087 BM",
                "country": "NL"},
    "language": "en",
    "time_zone": "Europe/Amsterdam",
    "vat_id": "NL999999999B99",
    "registration": "KvK 99999999",
    "legal_lines": ["Demonstration document: Cauce Coffee Things sells nothing."],
}  # fmt: skip
# A quarter of a year of trade in a shop for coffee things, sold in four currencies.
LOCATIONS = {
    "newark": ("Newark warehouse", "240 Port Street", "Newark", "NJ", "07114", "US", 40.7, -74.15),
    "rotterdam": ("Rotterdam warehouse", "Waalhaven 12", "Rotterdam", None, "3087 BM", "NL",
                  51.88, 4.45),
    "guarulhos": ("Guarulhos warehouse", "Rua da Carga 900", "Guarulhos", "SP", "07034-000", "BR",
                  -23.44, -46.51),
    "osaka": ("Osaka warehouse", "Nanko Kita 1-14", "Osaka", "27", "559-0034", "JP", 34.64, 135.42),
}  # fmt: skip
EVERYWHERE = ("newark", "rotterdam", "guarulhos", "osaka")


@dataclass(frozen=True)
class Article:
    sku: str
    title: str
    weight_g: int
    size_mm: tuple[int, int, int]
    usd_minor: int
    homes: tuple[str, ...]


ARTICLES = (
    Article("FILTER-V60-100", "Paper filters, 100", 180, (200, 150, 60), 850, EVERYWHERE),
    Article("MUG-STONE-300", "Stoneware mug, 300 ml", 420, (120, 100, 100), 1900, EVERYWHERE),
    Article("TOTE-CAUCE", "Canvas tote", 160, (300, 250, 20), 1500, EVERYWHERE),
    Article("BRUSH-GRINDER", "Grinder brush", 60, (170, 40, 30), 950, EVERYWHERE),
    Article("SOAP-DETERGENT", "Machine detergent, 500 g", 560, (180, 80, 80), 1350, EVERYWHERE),
    Article("BOOK-BREW", "The Brewing Notebook", 310, (210, 150, 20), 2200, EVERYWHERE),
    Article("GRINDER-FLAT-64", "Flat burr grinder 64", 6800, (380, 240, 190), 54900, ("newark",)),
    Article("KETTLE-ENAMEL", "Enamel kettle, 1 l", 1100, (260, 200, 180), 7900, ("newark",)),
    Article("TAMPER-58", "Steel tamper, 58 mm", 520, (110, 70, 70), 4200, ("newark",)),
    Article("SCALE-BRASS", "Brass scale", 900, (220, 180, 60), 8900, ("rotterdam",)),
    Article("STAND-POUR", "Oak pour-over stand", 1300, (300, 160, 160), 6400, ("rotterdam",)),
    Article("CUPS-ESPRESSO-6", "Espresso cups, set of 6", 1500, (280, 200, 90), 4800,
            ("rotterdam",)),
    Article("BEANS-MOGIANA-1K", "Mogiana beans, 1 kg", 1030, (320, 140, 90), 2600, ("guarulhos",)),
    Article("BEANS-CERRADO-250", "Cerrado beans, 250 g", 265, (200, 90, 70), 1100, ("guarulhos",)),
    Article("CACHEPO-CLAY", "Clay canister", 1200, (180, 140, 140), 3300, ("guarulhos",)),
    Article("DRIPPER-ARITA", "Arita porcelain dripper", 480, (150, 130, 110), 5400, ("osaka",)),
    Article("MILL-HAND", "Hand mill, ceramic burrs", 610, (190, 80, 80), 6900, ("osaka",)),
    Article("WHISK-MATCHA", "Matcha whisk", 40, (120, 70, 70), 1800, ("osaka",)),
    Article("THERMOS-750", "Steel flask, 750 ml", 520, (300, 90, 90), 3900,
            ("newark", "rotterdam")),
    Article("SERVER-GLASS", "Glass server, 600 ml", 390, (170, 140, 120), 2900,
            ("rotterdam", "osaka")),
    Article("PRESS-1L", "Press, 1 l", 940, (240, 170, 110), 4500, ("newark", "guarulhos")),
)  # fmt: skip
# Sold out: of the first a single unit is left, of the second none.
POSTER = Article("POSTER-SIGNED", "Signed poster", 220, (700, 80, 80), 12000, ("newark",))
WINTER = Article("BEANS-WINTER-250", "Winter blend, 250 g", 265, (200, 90, 70), 1400, ())
LEFT = {POSTER.sku: 1, WINTER.sku: 0}


@dataclass(frozen=True)
class Person:
    first: str
    last: str
    line1: str
    city: str
    region: str | None
    postal_code: str
    country: str
    locale: str
    point: tuple[float, float]

    @property
    def name(self) -> str:
        return f"{self.first} {self.last}"

    @property
    def email(self) -> str:
        plain = f"{self.first}.{self.last}".lower().replace(" ", "")
        ascii_only = plain.translate(str.maketrans("áàãâäéêíóôõöúüçñß", "aaaaaeeioooouucns"))
        return f"{ascii_only}@example.com"

    @property
    def currency(self) -> str:
        return {"BR": "BRL", "JP": "JPY", "US": "USD", "CA": "USD", "MX": "USD"}.get(
            self.country, "EUR"
        )


PEOPLE = (
    Person("Grace", "Okafor", "118 Dean Street", "Brooklyn", "NY", "11217", "US", "en",
           (40.68, -73.98)),
    Person("Walter", "Lindqvist", "2201 Lyndale Avenue", "Minneapolis", "MN", "55405", "US", "en",
           (44.96, -93.29)),
    Person("Maribel", "Reyes", "905 Guadalupe Street", "San Antonio", "TX", "78207", "US", "es",
           (29.42, -98.52)),
    Person("Hannah", "Kim", "77 Westlake Avenue", "Seattle", "WA", "98109", "US", "en",
           (47.63, -122.34)),
    Person("Étienne", "Gagnon", "480 Rue Saint-Viateur", "Montréal", "QC", "H2T 2T4", "CA", "fr",
           (45.53, -73.59)),
    Person("Lucía", "Hernández", "Calle Colima 220", "Ciudad de México", "CMX", "06700", "MX",
           "es", (19.42, -99.16)),
    Person("Jonas", "Weiß", "Sonnenallee 64", "Berlin", "BE", "12045", "DE", "de", (52.48, 13.43)),
    Person("Katrin", "Müller", "Lindwurmstraße 9", "München", "BY", "80337", "DE", "de",
           (48.13, 11.56)),
    Person("Claire", "Moreau", "14 Rue des Martyrs", "Paris", None, "75009", "FR", "fr",
           (48.88, 2.34)),
    Person("Iker", "Etxeberria", "Calle Pelota 5", "Bilbao", "BI", "48005", "ES", "es",
           (43.26, -2.92)),
    Person("Sanne", "de Vries", "Oudegracht 201", "Utrecht", None, "3511 NH", "NL", "nl",
           (52.09, 5.12)),
    Person("Inês", "Carvalho", "Rua do Almada 310", "Porto", None, "4050-032", "PT", "pt",
           (41.15, -8.61)),
    Person("Paolo", "Ricci", "Via Zamboni 22", "Bologna", "BO", "40126", "IT", "it",
           (44.5, 11.35)),
    Person("Ana", "Souza", "Rua Augusta 1508", "São Paulo", "SP", "01304-001", "BR", "pt-BR",
           (-23.56, -46.66)),
    Person("Rafael", "Teixeira", "Avenida Ipiranga 40", "Porto Alegre", "RS", "90160-090", "BR",
           "pt-BR", (-30.05, -51.2)),
    Person("Joana", "Melo", "Rua da Aurora 325", "Recife", "PE", "50050-000", "BR", "pt-BR",
           (-8.06, -34.88)),
    Person("Haruto", "Tanaka", "Jingumae 3-21-5", "Shibuya", "13", "150-0001", "JP", "ja",
           (35.67, 139.71)),
    Person("Yui", "Nakamura", "Teramachi 12-2", "Kyoto", "26", "604-8091", "JP", "ja",
           (35.01, 135.77)),
)  # fmt: skip
# Prices were set by hand in dollars; the others follow at fixed, rounded rates.
RATES = {"USD": (1, 1), "EUR": (94, 100), "BRL": (545, 100), "JPY": (151, 100)}
SHIPPING_MINOR = {"USD": 900, "EUR": 790, "BRL": 2450, "JPY": 880}
GATEWAYS = {"card": "shopify_payments", "bank_slip": "boleto", "store_credit": "gift_card"}


def price_minor(article: Article, currency: str) -> int:
    """Whole tens of the smaller unit; JPY has no smaller unit."""
    over, under = RATES[currency]
    minor = article.usd_minor * over // under
    return max(10, minor // 10 * 10)
