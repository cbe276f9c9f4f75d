"""A test as a row: a policy, an envelope, and what each step must answer. Both MTAs must agree."""
import re
from dataclasses import dataclass, field
from typing import Mapping

import pytest

from harness.filter import Settings
from harness.text import message
from harness.world import World

ALICE, BOB, CAROL = "alice@good.example", "bob@here.example", "carol@here.example"


@dataclass(frozen=True)
class Case:
    name: str
    settings: Settings = field(default_factory=dict)
    access: str = ""
    ip: str = "192.0.2.1"
    helo: str = "mail.good.example"
    login: str | None = None
    sender: str = ALICE
    # Recipient to the code that it gets; 250 and then DATA unless all are refused.
    rcpts: Mapping[str, int] = field(default_factory=lambda: {BOB: 250})
    mail: int = 250
    data: int = 250
    headers: tuple[tuple[str, str], ...] = ()
    # Patterns: one of the lines of the reply that decided; the log; fields of what was delivered, None for absent ones.
    reply: str = ""
    log: str = ""
    delivered: Mapping[str, str | None] = field(default_factory=dict)
    # A pattern of a warning that is meant to come.
    warning: str = ""
    only: str = ""
    # Accepted and thrown away.
    lost: bool = False

    def __str__(self) -> str:
        return self.name


def rows(*cases: Case):
    return pytest.mark.parametrize("case", cases, ids=str)


def check(world: World, case: Case) -> None:
    if case.only and world.mta.name != case.only:
        pytest.skip(f"only {case.only} can show it")
    settings = {k: dict(v) for k, v in case.settings.items()}
    if case.access:
        settings.setdefault("policy", {})["access"] = "@access"
    postern = world.serve(settings, {"access": case.access} if case.access else None)
    if case.warning:
        postern.expect(case.warning)
    content = message(case.name, more=case.headers)
    outcome = world.send(case.sender, list(case.rcpts), content, case.ip, case.helo, case.login)
    told = f"{case.name}: {outcome}\n{postern.log()}"

    assert outcome.mail.code == case.mail, told
    assert {r: reply.code for r, reply in outcome.rcpts.items()} == (case.rcpts if case.mail == 250 else {}), told
    accepted = tuple(r for r, code in case.rcpts.items() if code == 250) if case.mail == 250 else ()
    assert (outcome.data.code if outcome.data else None) == (case.data if accepted else None), told
    if case.reply:
        replies = [outcome.mail, *outcome.rcpts.values(), *([outcome.data] if outcome.data else [])]
        assert any(re.search(case.reply, str(r)) for r in replies), told
    if case.log:
        assert re.search(case.log, postern.log(), re.M), told
    if accepted and case.data == 250 and not case.lost:
        compare_delivery(world, case, accepted)
    else:
        world.mta.drain()
        assert world.sink.deliveries == [], told


def compare_delivery(world: World, case: Case, accepted: tuple[str, ...]) -> None:
    [delivery] = world.sink.wait(1)
    assert delivery.sender == case.sender
    assert sorted(delivery.recipients) == sorted(accepted)
    for name, pattern in case.delivered.items():
        values = delivery.header(name)
        if pattern is None:
            assert values == [], f"{name} in\n{delivery.head.decode()}"
        else:
            assert any(re.search(pattern, v) for v in values), f"no {name}: {pattern} in\n{delivery.head.decode()}"
