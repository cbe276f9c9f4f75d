"""What the tests of verifying share: settings, and our Authentication-Results as another program reads them."""
from typing import Mapping

import authres

from harness.filter import Postern, Settings
from harness.keys import Keys
from harness.sink import Delivery
from harness.world import World

AUTHOR = "author.example"
DKIM = {"dkim": {"verify": "on"}, "authres": {"add": "yes"}}
RESULTS = b"Authentication-Results: mx.here.example;"


def merged(*all_of: Settings) -> dict[str, dict[str, str]]:
    into: dict[str, dict[str, str]] = {}
    for settings in all_of:
        for section, values in settings.items():
            into.setdefault(section, {}).update(values)
    return into


def serve(world: World, keys: Keys, settings: Settings, access: str = "", zone: str = "") -> Postern:
    """With the keys and `zone` in the DNS, beside the cast."""
    world.names.instead(keys.zone() + zone)
    rules = {"policy": {"access": "@access"}} if access else {}
    return world.serve(merged(settings, rules), {"access": access} if access else None)


def results(delivery: Delivery, method: str) -> list[authres.core.AuthenticationResult]:
    """Ours, which stand at the top."""
    assert delivery.head.startswith(RESULTS), delivery.head.decode(errors="replace")
    field = "Authentication-Results: " + delivery.header("Authentication-Results")[0]
    return [r for r in authres.AuthenticationResultsHeader.parse(field).results if r.method == method]


def words(delivery: Delivery, method: str) -> list[str]:
    return [r.result for r in results(delivery, method)]


def properties(result: authres.core.AuthenticationResult) -> Mapping[str, str]:
    """header.d and so on."""
    return {f"{p.type}.{p.name}": p.value for p in result.properties}
