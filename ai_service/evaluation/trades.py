# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The trades: what each sells, to whom, how often, and how much that varies.

Names and prices are invented, in the order of what such things cost in Chile.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Trade:
    """One kind of company.

    :param catalogue: items as (name, unit, net price, usual quantity)
    :param rhythms: (name, share of the receivers); see ``company.RHYTHMS``
    :param basket: how many items a receiver takes of, at least and at most
    :param variety: spread of a quantity's logarithm
    :param volatility: spread of a price's logarithm from one document to the next
    :param novelty: how often a document has an item that is new to its receiver
    :param one_offs: how often a document is about something else altogether
    """

    name: str
    activity: str
    code: int
    catalogue: tuple[tuple[str, str, float, float], ...]
    rhythms: tuple[tuple[str, float], ...]
    basket: tuple[int, int]
    variety: float = 0.35
    volatility: float = 0.0
    novelty: float = 0.03
    one_offs: float = 0.0
    #: Whether a line's name bears the month, or the number of the stage.
    period: str = ""
    #: Whether prices follow the UF, which changes each day.
    in_uf: bool = False
    #: Whether quantities follow the season.
    seasonal: bool = False
    receivers: int = 24


def _of(unit: str, text: str) -> tuple[tuple[str, str, float, float], ...]:
    """A catalogue from lines of: name, price, usual quantity."""
    rows = (line.strip().rsplit(None, 2) for line in text.strip().splitlines())
    return tuple((name, unit, float(price), float(much)) for name, price, much in rows)


DISTRIBUTION = Trade(
    "distribución",
    "Venta al por mayor de abarrotes",
    33,
    _of(
        "CJ",
        """
        Aceite maravilla 900 ml x12 21990 12
        Arroz grado 1 1 kg x10 11490 20
        Azúcar granulada 1 kg x10 10890 18
        Harina sin polvos 1 kg x10 8990 15
        Fideos espiral 400 g x20 13990 14
        Salsa de tomate 200 g x24 9890 16
        Atún lomitos 160 g x24 26990 6
        Leche entera 1 L x12 11990 24
        Café instantáneo 170 g x12 58990 3
        Té ceylán 100 bolsas x12 27990 4
        Mermelada damasco 250 g x12 10990 6
        Galletas de agua 190 g x24 14990 8
        Bebida cola 3 L x6 10490 30
        Agua mineral 1,6 L x6 4990 24
        Jugo néctar 1 L x12 12490 12
        Papel higiénico 4 un x12 22990 10
        Toalla de papel 3 un x8 17990 8
        Detergente 3 kg x4 31990 5
        Cloro gel 900 ml x12 15490 6
        Lavalozas 750 ml x12 16990 7
        Sal fina 1 kg x12 5990 5
        Lentejas 1 kg x10 18990 4
        Porotos tórtola 1 kg x10 21990 3
        Mayonesa 744 g x12 35990 5
        Servilletas 300 un x10 9990 6
        """,
    ),
    (
        ("weekly fixed", 0.25),
        ("weekly", 0.35),
        ("fortnightly", 0.25),
        ("irregular", 0.15),
    ),
    (4, 11),
    receivers=30,
)
SERVICES = Trade(
    "servicios mensuales",
    "Servicios de contabilidad y asesoría",
    33,
    _of(
        "UN",
        """
        Asesoría contable mensual 180000 1
        Remuneraciones por trabajador 6500 12
        Soporte de sistemas mensual 240000 1
        Hosting y correo corporativo 38000 1
        Mantención de ascensores 310000 1
        Aseo de oficinas 420000 1
        Vigilancia remota 150000 1
        Arriendo de impresora 45000 2
        """,
    ),
    (("monthly fixed", 0.75), ("monthly", 0.25)),
    (1, 3),
    variety=0.12,
    novelty=0.015,
    one_offs=0.01,
    period="month",
)
CONSTRUCTION = Trade(
    "construcción por estados de pago",
    "Construcción de obras menores",
    33,
    _of(
        "GL",
        """
        Estado de pago obra gruesa 6800000 1
        Estado de pago terminaciones 4200000 1
        Estado de pago instalaciones eléctricas 2600000 1
        Movimiento de tierras 3900000 1
        Arriendo de andamios 540000 1
        Retiro de escombros 280000 2
        Mano de obra adicional 32000 40
        """,
    ),
    (("irregular", 0.5), ("monthly", 0.5)),
    (1, 3),
    variety=0.4,
    volatility=0.45,
    novelty=0.04,
    period="stage",
    receivers=14,
)
FOOD = Trade(
    "alimentos por semana",
    "Venta al por mayor de frutas y verduras",
    33,
    _of(
        "KG",
        """
        Tomate larga vida 890 60
        Papa 590 120
        Cebolla 640 80
        Zanahoria 520 40
        Lechuga costina 780 30
        Palta hass 4200 25
        Limón 1150 30
        Manzana fuji 980 45
        Plátano 890 50
        Zapallo italiano 720 25
        Pimentón rojo 1690 15
        Ajo chileno 4900 4
        Champiñón 3900 8
        Cilantro 1900 3
        Pepino 650 22
        """,
    ),
    (("twice a week", 0.35), ("weekly", 0.65)),
    (5, 10),
    variety=0.3,
    volatility=0.07,
    receivers=20,
)
EDUCATION = Trade(
    "educación exenta",
    "Enseñanza preescolar y básica particular",
    34,
    _of(
        "UN",
        """
        Mensualidad jornada completa 285000 1
        Mensualidad media jornada 190000 1
        Taller de robótica 38000 1
        Almuerzo mensual 78000 1
        Transporte escolar 65000 1
        Taller de inglés 42000 1
        """,
    ),
    (("monthly fixed", 1.0),),
    (1, 3),
    variety=0.0,
    novelty=0.02,
    period="month",
    receivers=30,
)
RENTS = Trade(
    "arriendos en UF",
    "Arriendo de inmuebles amoblados o con instalaciones",
    33,
    _of(
        "UN",
        """
        Arriendo oficina 402 14 1
        Arriendo local 12 38 1
        Arriendo bodega 7 9.5 1
        Arriendo estacionamiento 2.2 2
        Gastos comunes 3.1 1
        Arriendo galpón B 62 1
        """,
    ),
    (("monthly fixed", 1.0),),
    (1, 3),
    variety=0.0,
    novelty=0.01,
    one_offs=0.01,
    period="month",
    in_uf=True,
)
FARMING = Trade(
    "insumos agrícolas de temporada",
    "Venta al por mayor de insumos agrícolas",
    33,
    _of(
        "UN",
        """
        Urea granulada saco 25 kg 18900 60
        Sulfato de potasio saco 25 kg 32900 30
        Azufre mojable 25 kg 41900 12
        Herbicida glifosato 20 L 118000 8
        Fungicida cobre 5 kg 46900 10
        Aceite mineral 20 L 52900 12
        Malla antigranizo 50 m 389000 4
        Cinta de riego 16 mm 1000 m 96900 10
        Caja cosechera 2690 200
        Tijera de podar 18900 6
        Guantes de cosecha 1490 60
        """,
    ),
    (("irregular", 0.7), ("monthly", 0.3)),
    (3, 7),
    variety=0.55,
    seasonal=True,
    novelty=0.08,
    receivers=20,
)
PARTS = Trade(
    "repuestos, siempre otros",
    "Venta de repuestos y accesorios para vehículos",
    33,
    tuple(
        (f"{part} {model}", "UN", round(price * factor, -2), much)
        for part, price, much in (
            ("Pastillas de freno", 24900, 2),
            ("Filtro de aceite", 6900, 4),
            ("Filtro de aire", 8900, 3),
            ("Amortiguador delantero", 48900, 2),
            ("Correa de distribución", 31900, 1),
            ("Bujía de iridio", 7900, 4),
            ("Disco de embrague", 89900, 1),
            ("Batería 60 Ah", 69900, 1),
            ("Bomba de agua", 37900, 1),
            ("Rótula inferior", 15900, 2),
        )
        for model, factor in (
            ("Hilux", 1.25),
            ("L200", 1.15),
            ("Sail", 0.8),
            ("Rio 5", 0.85),
            ("Yaris", 0.95),
            ("Partner", 1.0),
            ("Sprinter", 1.6),
        )
    ),
    (("weekly", 0.4), ("irregular", 0.6)),
    (12, 30),
    variety=0.4,
    novelty=0.35,
    receivers=20,
)

TRADES = (
    *(DISTRIBUTION, SERVICES, CONSTRUCTION, FOOD),
    *(EDUCATION, RENTS, FARMING, PARTS),
)
