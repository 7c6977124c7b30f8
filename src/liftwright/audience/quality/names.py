"""What a column's name says, in English, German, French, Spanish, Portuguese, Italian and Dutch, as far as these words go."""

from __future__ import annotations

import re
import unicodedata

KEPT = frozenset([
    "last", "latest", "final", "closing", "closed", "modified", "updated", "status", "stage", "quality", "disposition",
    "result", "resolution", "verdict", "rating", "grade", "profile", "reason", "tag", "tags", "remark", "remarks", "note",
    "notes", "lost", "won", "converted", "letzte", "letzter", "letztes", "zuletzt", "abschluss", "geandert", "stufe",
    "phase", "qualitat", "bewertung", "ergebnis", "grund", "notiz", "notizen", "bemerkung", "bemerkungen", "dernier",
    "derniere", "statut", "etape", "qualite", "resultat", "motif", "raison", "cloture", "remarque", "ultimo", "ultima",
    "estado", "etapa", "calidad", "qualidade", "resultado", "motivo", "cierre", "fechamento", "nota", "notas", "stato",
    "fase", "qualita", "esito", "risultato", "chiusura", "laatste", "kwaliteit", "uitkomst", "reden", "opmerking",
])  # fmt: skip
"""Of columns that people keep up to date, or judge, while they work on a case."""
AHEAD = frozenset([
    "until", "to", "expires", "expiry", "expire", "expiration", "due", "next", "renewal", "renews", "renew", "end", "ends",
    "valid", "deadline", "scheduled", "planned", "appointment", "target", "bis", "gultig", "ablauf", "fallig", "nachste",
    "nachster", "verlangerung", "ende", "termin", "geplant", "jusqu", "echeance", "prochain", "prochaine", "fin",
    "valable", "prevu", "rendez", "hasta", "vence", "vencimiento", "proxima", "proximo", "caduca", "valido", "fino",
    "scadenza", "prossimo",
])  # fmt: skip
"""Of times that lie ahead because they were agreed so."""
BORN = frozenset([
    "birth", "born", "dob", "birthday", "created", "signup", "joined", "registered", "since", "first", "geburt",
    "geburtsdatum", "geburtstag", "geboren", "angelegt", "erstellt", "registriert", "anmeldung", "seit", "erste", "erster",
    "naissance", "ne", "nee", "cree", "creation", "inscription", "depuis", "premier", "premiere", "nacimiento", "nacido",
    "creado", "alta", "registro", "desde", "primera", "primer", "nascita", "creato", "dal", "prima",
])  # fmt: skip
"""Of times that are set once and never again."""
HISTORY = frozenset([
    "last", "latest", "recent", "recency", "days", "order", "orders", "spend", "spent", "total", "lifetime", "count",
    "visits", "purchase", "purchases", "revenue", "average", "avg", "first", "frequency", "monetary", "value", "rfm",
    "ltv", "clv", "letzte", "letzter", "letztes", "zuletzt", "kauf", "kaufe", "bestellung", "bestellungen", "umsatz",
    "tage", "anzahl", "summe", "besuch", "besuche", "gesamt", "ausgaben", "dernier", "derniere", "achat", "achats",
    "commande", "commandes", "jours", "nombre", "montant", "visite", "visites", "panier", "depense", "ultimo", "ultima",
    "compra", "compras", "pedido", "pedidos", "dias", "visitas", "importe", "gasto", "acquisto", "acquisti", "ordine",
    "ordini",
])  # fmt: skip
"""Of columns by which a customer file sums up the past: they know the last orders because that is what they are for."""


def words_of(name: str) -> list[str]:
    """Words of a column's name in lower case, without accents: `letzteAktivität` is letzte, aktivitat."""
    apart = re.sub(r"(?<=[a-zß-ÿ])(?=[A-Z])", " ", name)
    plain = unicodedata.normalize("NFKD", apart.lower()).encode("ascii", "ignore").decode()
    return re.findall(r"[a-z]+", plain)
