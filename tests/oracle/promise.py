"""The rules of SEMANTICS.md, calculated by brute force. Knows the text only: no frame, no flowjoy, no speed.

Every instant is an aware UTC datetime. Every rule is quoted where it is applied. Lists are walked from end to end
again and again, on purpose. What the text leaves open, and what was chosen, stands at the end of this file.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import product
from typing import TYPE_CHECKING, Literal, NamedTuple
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

CodeKind = Literal["deploy", "redeploy", "rollback"]
ModelKind = Literal["ship", "copy", "rollback", "redeploy"]
Signal = Literal["registered", "other"]
Status = Literal[
    "pending",
    "at_risk",
    "met",
    "late",
    "undetermined",
    "breached",
    "waived",
    "cancelled",
    "not_required",
]

MICROSECOND = timedelta(microseconds=1)
WEEK = timedelta(days=7)
MOST_OBSERVED = 12  # 2 ** 12 histories of one model are still a matter of seconds


@dataclass(frozen=True, kw_only=True, slots=True)
class Code:
    """A successful CODE event. `sha` None is a sha of its own. `provisional`: this very run's release, not yet done."""

    id: str
    sha: str | None
    at: datetime
    provisional: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Ship:
    """A READY model version was shipped at `at`; with `not_before` somewhere in (`not_before`, `at`].

    `source`, `model_id`: where its content lies, and its logged model; None is unknown. `by_registration`: the signal
    is `registered` and no stamp says more. `bounded`: the interval is that of two readings of the registry, not of two
    looks at an alias or stage.
    """

    id: str
    model: str
    version: str
    run_id: str | None
    at: datetime
    not_before: datetime | None = None
    source: str | None = None
    model_id: str | None = None
    by_registration: bool = False
    bounded: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiver:
    """An exception for `model` and `sha` (`*`: every sha), until an instant.

    `in_stub_of`: the shas whose own stub carried it. `at_head`: it stands at the head of the default branch.
    `seen_at`: when a ledger first saw it, None: never before this run.
    """

    model: str
    sha: str
    until: datetime
    in_stub_of: frozenset[str] = frozenset()
    at_head: bool = True
    seen_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Incident:
    """An incident; `end` None is open."""

    id: str
    start: datetime
    end: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """What became of one obligation.

    `satisfied_at` is the ship that met it or came late, or the start when an earlier ship or a live pin met it at once.
    `closed_at` is that, or the rollback that ended the clock. Both, and `version`, are None where the obligation is
    open or undetermined; where an observed ship gives one answer, they are those of its later end.
    `answers` are the statuses that the ends of observed intervals give.
    """

    status: Status
    start: datetime
    deadline: datetime
    satisfied_at: datetime | None = None
    version: str | None = None
    waived_miss: bool = False
    closed_at: datetime | None = None
    answers: frozenset[Status] = frozenset()


class WeekRow(NamedTuple):
    """One row of the week table."""

    monday: date
    code_deploys: int
    model_ships: int
    gap: int
    mttr_hours: float | None
    incidents: int
    lagging: frozenset[str]


class Match(NamedTuple):
    """The events that an incident is matched to. `other` is named only where the cause is ambiguous."""

    nearest: str | None
    cause: str | None
    ambiguous: bool
    other: str | None


# ---------------------------------------------------------------------------------------------------- order and kinds


def in_order(events: Iterable[Code | Ship]) -> list[Code | Ship]:
    """Everything by time; "at one instant CODE comes before MODEL"; then by id."""
    return sorted(events, key=lambda event: (event.at, 1 if isinstance(event, Ship) else 0, event.id))


def codes_in_order(codes: Iterable[Code]) -> list[Code]:
    """CODE events by time, then id. A provisional one "enters the timeline [...] when a later run finds it": last."""
    return sorted(codes, key=lambda code: (code.provisional, code.at, code.id))


def _same_sha(one: Code, other: Code) -> bool:
    if one.id == other.id:
        return True
    return one.sha is not None and one.sha == other.sha


def _first_live(code: Code, ordered: Sequence[Code]) -> int:
    """Where in the order the sha of this event was live for the first time."""
    for index, other in enumerate(ordered):
        if _same_sha(code, other):
            return index
    raise ValueError(f"{code.id} is not in the history")


def code_kinds(codes: Iterable[Code]) -> dict[str, CodeKind]:
    """What each CODE event did: id to kind."""
    ordered = codes_in_order(codes)
    kinds: dict[str, CodeKind] = {}
    for index, code in enumerate(ordered):
        earlier = [other for other in ordered[:index] if not other.provisional]
        if not any(_same_sha(code, other) for other in earlier):
            # "`deploy` (a sha never live before)"
            kinds[code.id] = "deploy"
        elif _same_sha(code, earlier[-1]):
            # "`redeploy` (the sha that is live now)"
            kinds[code.id] = "redeploy"
        elif _first_live(code, ordered) < _first_live(earlier[-1], ordered):
            # "`rollback` (a sha first live *before* the one that is live now)"
            kinds[code.id] = "rollback"
        else:
            # "A sha that comes back although it is the newer one (roll-forward after a rollback) is a `deploy` again"
            kinds[code.id] = "deploy"
    return kinds


def _older(version: str, than: str, earlier: Sequence[Ship]) -> bool:
    """Whether a version is the older one: by its numbers, or, where there are none, by which shipped first."""
    mine, its = _numbers(version), _numbers(than)
    if mine and its:
        return mine < its
    shipped = [ship.version for ship in earlier]
    return shipped.index(version) < shipped.index(than)


def _numbers(version: str) -> list[int]:
    """Return the numbers of a name such as `12` or `v1.10.0`; none where it has words in it."""
    parts = version.removeprefix("v").split(".")
    return [int(part) for part in parts] if all(part.isdecimal() for part in parts) else []


def _same_content(one: Ship, other: Ship) -> bool:
    """Whether two versions have one content identity.

    "Identity is the logged model id where the registry gives one, else source and run id together, else the source
    alone."
    """
    if one.model_id is not None and other.model_id is not None:
        return one.model_id == other.model_id
    agreed = 0
    for mine, its in ((one.run_id, other.run_id), (one.source, other.source)):
        if mine is not None and its is not None:
            if mine != its:
                return False
            agreed += 1
    return agreed > 0


def _passed_over(ship: Ship, earlier: Sequence[Ship]) -> bool:
    """Whether a version that never shipped was passed over by a newer one.

    "stamping [...] one older than the live version, is a rollback or redeploy, never a ship"; "a version that a later
    look finds live, newer than every version seen live before, is a ship [...]; an older one is a rollback"
    """
    if ship.by_registration or not _numbers(ship.version):
        return False
    compared = earlier if ship.not_before is not None and not ship.bounded else earlier[-1:]
    return any(_numbers(other.version) and _numbers(ship.version) < _numbers(other.version) for other in compared)


def _kinds_of_one_model(ordered: Sequence[Ship]) -> dict[str, ModelKind]:
    kinds: dict[str, ModelKind] = {}
    for index, ship in enumerate(ordered):
        earlier = ordered[:index]
        if any(other.version == ship.version for other in earlier):
            # "`rollback` (older than the live one, shipped again), `redeploy` (any other version shipped again)"
            kinds[ship.id] = "rollback" if _older(ship.version, earlier[-1].version, earlier) else "redeploy"
        elif _passed_over(ship, earlier):
            kinds[ship.id] = "rollback"
        else:
            # "`ship` (new), `copy` (not new)": "the version's *content identity* has never shipped before under this
            # model"
            kinds[ship.id] = "copy" if any(_same_content(ship, other) for other in earlier) else "ship"
    return kinds


def model_kinds(ships: Iterable[Ship]) -> dict[str, ModelKind]:
    """What each MODEL event did: id to kind; each model by itself; an observed one stands at its later end."""
    everything = list(ships)
    kinds: dict[str, ModelKind] = {}
    for model in sorted({ship.model for ship in everything}):
        ordered = sorted((ship for ship in everything if ship.model == model), key=lambda ship: (ship.at, ship.id))
        kinds.update(_kinds_of_one_model(ordered))
    return kinds


# ------------------------------------------------------------------------------------------------ the 48-hour promise


@dataclass(frozen=True, kw_only=True, slots=True)
class _Act:
    """One raw act of shipping at one possible instant."""

    ship: Ship
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class _Clock:
    """One obligation and everything that decides it, except the MODEL events."""

    code: Code
    model: str
    requirement: str
    signal: Signal
    start: datetime
    deadline: datetime
    sla: timedelta
    previous_deploy: datetime | None
    rollback: datetime | None
    waivers: tuple[Waiver, ...]
    as_of: datetime


def obligations(
    *,
    codes: Iterable[Code],
    ships: Iterable[Ship],
    signal: Signal,
    requirements: Mapping[str, Mapping[str, str]],
    default: Mapping[str, str],
    waivers: Iterable[Waiver] = (),
    as_of: datetime,
    sla_hours: float = 48,
    sla_since: date | datetime | None = None,
) -> dict[str, Result]:
    """Every obligation of the history as seen at `as_of`: `<code id>/<model>` to what became of it.

    `requirements` is sha to the stub at that sha (model to "any", "12", ">=12" or "none"); `default` serves every
    other sha, and the events whose sha is not known.
    """
    # Events later than as-of do not exist.
    ordered = codes_in_order(code for code in codes if code.at <= as_of)
    acts = [ship for ship in ships if ship.at <= as_of]
    exceptions = tuple(waivers)
    sla = timedelta(hours=sla_hours)
    kinds = code_kinds(ordered)
    results: dict[str, Result] = {}
    for index, code in enumerate(ordered):
        # "Only `deploy` counts as cadence and starts SLA clocks"
        if kinds[code.id] != "deploy":
            continue
        # "**Clock starts** at the code event's time."; provisional: "its clock is shown as starting now"
        start = (as_of if code.provisional else code.at).astimezone(UTC)
        # "`sla-since`: the day the promise began; earlier deploys open no clock."
        if sla_since is not None and start < _instant(sla_since):
            continue
        for model, requirement in _dependence(code, requirements, default).items():
            clock = _Clock(
                code=code,
                model=model,
                requirement=requirement,
                signal=signal,
                start=start,
                # "**Deadline** = start + `sla-hours`, inclusive to the second, elapsed time (DST changes nothing)."
                deadline=start + sla,
                sla=sla,
                previous_deploy=_previous_deploy(index, ordered, kinds),
                rollback=_ending_rollback(index, ordered, kinds),
                waivers=exceptions,
                as_of=as_of,
            )
            # "**Obligation** = (service, CODE `deploy` event, model it depends on); id `<code id>/<model>`."
            results[f"{code.id}/{model}"] = _settle(clock, [ship for ship in acts if ship.model == model])
    return results


def _instant(since: date | datetime) -> datetime:
    """A day begins at midnight UTC: "`timezone` only moves week edges and labels"."""
    if isinstance(since, datetime):
        return since
    return datetime(since.year, since.month, since.day, tzinfo=UTC)


def _dependence(
    code: Code, requirements: Mapping[str, Mapping[str, str]], default: Mapping[str, str]
) -> Mapping[str, str]:
    """What this code depends on.

    "Dependence comes from the model stub *at the deployed sha*; without a stub file there, from the `models` input."
    """
    if code.sha is not None and code.sha in requirements:
        return requirements[code.sha]
    return default


def _previous_deploy(place: int, ordered: Sequence[Code], kinds: Mapping[str, CodeKind]) -> datetime | None:
    """The time of "the previous CODE `deploy` of the service": the last of kind deploy before this one in order."""
    for other in reversed(ordered[:place]):
        if kinds[other.id] == "deploy" and not other.provisional:
            return other.at
    return None


def _ending_rollback(place: int, ordered: Sequence[Code], kinds: Mapping[str, CodeKind]) -> datetime | None:
    """The first rollback that ends the clock of the deploy at `place`.

    "A rollback cancels the clocks of every deploy first live later than the sha that came back"
    """
    deploy = ordered[place]
    for other in ordered[place + 1 :]:
        if kinds[other.id] != "rollback" or other.provisional:
            continue
        if _first_live(deploy, ordered) > _first_live(other, ordered):
            return other.at
    return None


def _settle(clock: _Clock, ships: Sequence[Ship]) -> Result:
    """Judge one obligation in every history that the observed intervals allow.

    "Observed intervals are judged at both ends, against the start and against the deadline: one answer, that is it;
    two answers, the obligation is `undetermined`"
    """
    # `"none"`: "the live version fits: `not_required`"
    if clock.requirement == "none":
        return _result(clock, "not_required")
    results = [_judge(clock, acts) for acts in _histories(ships)]
    answers: frozenset[Status] = frozenset(result.status for result in results)
    if len(answers) > 1:
        return _result(clock, "undetermined", answers=answers)
    return results[-1]


def _histories(ships: Sequence[Ship]) -> list[list[_Act]]:
    """Every history of one model with each observed ship at either end; the last one has them all at the later end."""
    ordered = sorted(ships, key=lambda ship: (ship.at, ship.id))
    if sum(ship.not_before is not None for ship in ordered) > MOST_OBSERVED:
        raise ValueError(f"more than {MOST_OBSERVED} observed ships: too many histories to try them all")
    histories = []
    for instants in product(*(_ends(ship) for ship in ordered)):
        acts = [_Act(ship=ship, at=at) for ship, at in zip(ordered, instants, strict=True)]
        observed = [act.at for act in acts if act.ship.not_before is not None]
        # An observed ship that was seen later did not happen earlier.
        if observed == sorted(observed):
            histories.append(sorted(acts, key=lambda act: (act.at, act.ship.at, act.ship.id)))
    return histories


def _ends(ship: Ship) -> list[datetime]:
    """The instants to try: "a move lies in the interval (`not_before`, `seen_by`]", open at its beginning."""
    if ship.not_before is None or ship.not_before + MICROSECOND >= ship.at:
        return [ship.at]
    return [ship.not_before + MICROSECOND, ship.at]


def _judge(clock: _Clock, acts: Sequence[_Act]) -> Result:
    """What became of the obligation in one history, in which every instant is known."""
    satisfied = _satisfied(clock, acts)
    if clock.rollback is not None and (satisfied is None or clock.rollback < satisfied[0]):
        return _judge_rolled_back(clock, clock.rollback)
    if satisfied is not None:
        return _judge_shipped(clock, *satisfied)
    return _judge_unshipped(clock)


def _judge_rolled_back(clock: _Clock, rollback: datetime) -> Result:
    if rollback <= clock.deadline:
        # "A rollback cancels the clocks [...], if before ship and deadline"
        return _result(clock, "cancelled", closed_at=rollback)
    if _excusing(clock, rollback):
        # "(a miss, no longer open; `waived` while a waiver holds)"
        return _result(clock, "waived", closed_at=rollback, waived_miss=_is_miss(clock, _excusing(clock, rollback)))
    # "after the deadline it closes them as `late`"
    return _result(clock, "late", closed_at=rollback)


def _judge_shipped(clock: _Clock, at: datetime, version: str) -> Result:
    if at <= clock.deadline:
        # "`met`"; the deadline is inclusive
        return _result(clock, "met", satisfied_at=at, closed_at=at, version=version)
    if _excusing(clock, at):
        # "shipped after its deadline but within the waiver it stays `waived`"
        miss = _is_miss(clock, _excusing(clock, at))
        return _result(clock, "waived", satisfied_at=at, closed_at=at, version=version, waived_miss=miss)
    # "`late` (shipped after the deadline)"
    return _result(clock, "late", satisfied_at=at, closed_at=at, version=version)


def _judge_unshipped(clock: _Clock) -> Result:
    if clock.as_of <= clock.deadline:
        # "`pending` (`at_risk` when < 25 % of the clock is left)"; "A running clock stays `pending`" under a waiver.
        left = clock.deadline - clock.as_of
        return _result(clock, "at_risk" if 4 * left < clock.sla else "pending")
    if _holding(clock, clock.as_of):
        # "After the deadline, while `until` has not passed, an unshipped obligation is `waived`"
        return _result(clock, "waived", waived_miss=_is_miss(clock, _holding(clock, clock.as_of)))
    # "`breached` (deadline past, not shipped)"; "once `until` has passed unshipped it is `breached`"
    return _result(clock, "breached")


def _result(
    clock: _Clock,
    status: Status,
    *,
    satisfied_at: datetime | None = None,
    closed_at: datetime | None = None,
    version: str | None = None,
    waived_miss: bool = False,
    answers: frozenset[Status] | None = None,
) -> Result:
    return Result(
        status=status,
        start=clock.start,
        deadline=clock.deadline,
        satisfied_at=satisfied_at,
        closed_at=closed_at,
        version=version,
        waived_miss=waived_miss,
        answers=frozenset({status}) if answers is None else answers,
    )


def _satisfied(clock: _Clock, acts: Sequence[_Act]) -> tuple[datetime, str] | None:
    """When, and by which version, the obligation was satisfied in this history; None: it was not."""
    if clock.requirement == "any":
        return _satisfied_by_ship(clock, acts)
    return _satisfied_pin(clock, acts)


def _satisfied_by_ship(clock: _Clock, acts: Sequence[_Act]) -> tuple[datetime, str] | None:
    """`"any"` (default) = a version never live before: "`any` only by a `ship`"."""
    kinds = _kinds_of_one_model([act.ship for act in acts])
    shipped = [act for act in acts if kinds[act.ship.id] == "ship"]
    # "or one shipped *with* the code, that is, strictly after the previous CODE `deploy` of the service and at most
    # `sla-hours` before the start"
    for act in reversed(shipped):
        after_previous = clock.previous_deploy is None or act.at > clock.previous_deploy
        if after_previous and clock.start - clock.sla <= act.at < clock.start:
            return clock.start, act.ship.version
    # "the first at or after the start"
    for act in shipped:
        if act.at >= clock.start:
            return act.at, act.ship.version
    return None


def _satisfied_pin(clock: _Clock, acts: Sequence[_Act]) -> tuple[datetime, str] | None:
    # "a pin by a fitting version live at the start"; at one instant CODE comes before MODEL
    fitting = [version for version in _live_at_start(clock, acts) if _fits(version, clock.requirement)]
    if fitting:
        return clock.start, max(fitting, key=_numbers)
    # "else by the first MODEL event of any kind that makes one live"
    for act in acts:
        if act.at >= clock.start and _fits(act.ship.version, clock.requirement):
            return act.at, act.ship.version
    return None


def _live_at_start(clock: _Clock, acts: Sequence[_Act]) -> list[str]:
    before = [act.ship.version for act in acts if act.at < clock.start]
    if clock.signal == "registered":
        # "*Live* at t: under `registered` every READY version registered by t"
        return before
    # "under the other signals the version shipped last"
    return before[-1:]


def _fits(version: str, requirement: str) -> bool:
    """`"12"` = version 12 live; `">=12"` = a version ≥ 12 live; `"1.2.0"` = the version of exactly that name."""
    if not requirement.removeprefix(">=").isdecimal():
        return version == requirement
    if not version.isdecimal():
        return False
    if requirement.startswith(">="):
        return int(version) >= int(requirement.removeprefix(">="))
    return int(version) == int(requirement)


# ------------------------------------------------------------------------------------------------------------ waivers


def _stood_in_own_stub(clock: _Clock, waiver: Waiver) -> bool:
    return clock.code.sha is not None and clock.code.sha in waiver.in_stub_of


def _holding(clock: _Clock, at: datetime) -> list[Waiver]:
    """The waivers of this obligation whose `until` has not passed at `at`.

    "Waivers (model, sha or `*`, [...]) are read from the stub at the deployed sha and at the head of the default
    branch"
    """
    holding = []
    for waiver in clock.waivers:
        is_read = waiver.at_head or _stood_in_own_stub(clock, waiver)
        is_meant = waiver.model == clock.model and waiver.sha in ("*", clock.code.sha)
        if is_read and is_meant and at <= waiver.until:
            holding.append(waiver)
    return [waiver for waiver in holding if not _is_void(clock, waiver)]


def _is_void(clock: _Clock, waiver: Waiver) -> bool:
    """Whether it ended more than 90 days ahead when it was first seen; in a release's own stub, when that began."""
    begins = [clock.as_of] if waiver.at_head else []
    begins += [clock.start] if _stood_in_own_stub(clock, waiver) else []
    seen = [min(begin, waiver.seen_at or begin) for begin in begins]
    return all(waiver.until - begin > timedelta(days=90) for begin in seen)


def _excusing(clock: _Clock, closed_at: datetime) -> list[Waiver]:
    """The waivers that excuse a clock that was closed late.

    "an obligation that was late before the waiver stays `late`"
    """
    return [
        waiver
        for waiver in _holding(clock, closed_at)
        if _stood_in_own_stub(clock, waiver) or waiver.seen_at is None or waiver.seen_at <= closed_at
    ]


def _is_miss(clock: _Clock, holding: list[Waiver]) -> bool:
    """Whether a waived obligation counts as a miss.

    "unless it stood in the stub at the deployed sha, or the ledger saw it before the deadline, the obligation counts as
    a miss in the rate and says so"
    """
    for waiver in holding:
        seen_in_time = waiver.seen_at is not None and waiver.seen_at < clock.deadline
        if seen_in_time or _stood_in_own_stub(clock, waiver):
            return False
    return True


# --------------------------------------------------------------------------------------------------- rate, week, match


def rate(results: Mapping[str, Result], as_of: datetime) -> tuple[int, int, int]:
    """How many were met, how many missed, and n.

    "**Rate** = met ÷ (met + late + breached + waived misses) over obligations whose deadline lies in the last 28 days"
    """
    met = misses = 0
    for result in results.values():
        if not as_of - timedelta(days=28) <= result.deadline <= as_of:
            continue
        if result.status == "met":
            met += 1
        elif result.status in ("late", "breached") or (result.status == "waived" and result.waived_miss):
            misses += 1
    return met, misses, met + misses


def week_table(
    *,
    codes: Iterable[Code],
    ships: Iterable[Ship],
    incidents: Iterable[Incident],
    since_monday: date,
    weeks: int,
    tz: str,
    as_of: datetime,
    requirements: Mapping[str, Mapping[str, str]] | None = None,
    default: Mapping[str, str] | None = None,
    percent: float = 50,
) -> list[WeekRow]:
    """Week by week: "Each week of the window has a row: no deploys is 0; no resolved incident is a blank MTTR"."""
    if since_monday.weekday() != 0:
        raise ValueError(f"{since_monday} is not a Monday")
    # Provisional: "it enters the timeline, with its exact time, when a later run finds it succeeded".
    known_codes = [code for code in codes if code.at <= as_of and not code.provisional]
    known_ships = [ship for ship in ships if ship.at <= as_of]
    known_incidents = [_as_known(incident, as_of) for incident in incidents if incident.start <= as_of]
    kinds_of_code, kinds_of_model = code_kinds(known_codes), model_kinds(known_ships)
    rows = []
    for number in range(weeks):
        monday = since_monday + number * WEEK
        # "Only `deploy` counts as cadence"; "Only `ship` is cadence."
        deploys = [c for c in known_codes if kinds_of_code[c.id] == "deploy" and _monday(c.at, tz) == monday]
        shipped = [s for s in known_ships if kinds_of_model[s.id] == "ship" and _monday(s.at, tz) == monday]
        # "end < start: dropped with a warning"
        started = [i for i in known_incidents if _monday(i.start, tz) == monday and (i.end is None or i.end >= i.start)]
        gaps = _gaps(deploys, shipped, requirements or {}, default or {})
        # "Divergence in a complete week: some model is required as `any` by at least one deploy, and its gap is more
        # than `divergence-percent` (50) % of those deploys."
        complete = monday + WEEK <= _monday(as_of, tz)
        lagging = {model for model, (gap, required) in gaps.items() if complete and gap > required * percent / 100}
        rows.append(
            WeekRow(
                monday=monday,
                code_deploys=len(deploys),
                model_ships=len(shipped),
                # "the week's gap is the largest of these (where no deploy requires a model as `any`: code - model)"
                gap=max(gap for gap, _ in gaps.values()) if gaps else len(deploys) - len(shipped),
                mttr_hours=_mttr(started),
                incidents=len(started),
                lagging=frozenset(lagging),
            )
        )
    return rows


def _gaps(
    deploys: Sequence[Code],
    shipped: Sequence[Ship],
    requirements: Mapping[str, Mapping[str, str]],
    default: Mapping[str, str],
) -> dict[str, tuple[int, int]]:
    """Give the gap of each model required as `any`, and by how many deploys it is.

    "for each model, the week's code deploys that require it as `any`, minus its ships of that week"
    """
    gaps = {}
    for model in {ship.model for ship in shipped}.union(default, *requirements.values()):
        required = sum(_dependence(code, requirements, default).get(model) == "any" for code in deploys)
        if required:
            gaps[model] = (required - sum(ship.model == model for ship in shipped), required)
    return gaps


def _as_known(incident: Incident, as_of: datetime) -> Incident:
    """An incident resolved later than as-of is still open then."""
    if incident.end is not None and incident.end > as_of:
        return Incident(id=incident.id, start=incident.start)
    return incident


def _monday(at: datetime, tz: str) -> date:
    """The Monday of the week, in the zone: "`timezone` only moves week edges and labels"."""
    day = at.astimezone(ZoneInfo(tz)).date()
    return day - timedelta(days=day.weekday())


def _mttr(started: Sequence[Incident]) -> float | None:
    """Mean hours to recover.

    "**Unified MTTR** = mean(end - start) in hours over *all* resolved incidents that *started* in the week"; "Open
    incidents are never 0 hours: they are left out of the mean"
    """
    lasted = [incident.end - incident.start for incident in started if incident.end is not None]
    if not lasted:
        return None
    return sum(lasted, timedelta()) / (len(lasted) * timedelta(hours=1))


def match(incident_start: datetime, events: Iterable[Code | Ship], hours: float = 24) -> Match:
    """The event nearest to an incident, and the one that it is put down to.

    "An incident is matched against CODE and MODEL events of every kind"
    """
    ordered = in_order(event for event in events if isinstance(event, Ship) or not event.provisional)
    # "`nearest`: the event nearest in time, before or after [...]; ties: the earlier"
    nearest: Code | Ship | None = None
    for event in ordered:
        if nearest is None or abs(event.at - incident_start) < abs(nearest.at - incident_start):
            nearest = event
    # "`cause`: the latest CODE or MODEL event of the service with
    # 0 ≤ incident.start - deploy ≤ `incident-match-hours`"
    possible = [event for event in ordered if timedelta(0) <= incident_start - event.at <= timedelta(hours=hours)]
    if not possible:
        return Match(nearest.id if nearest else None, None, ambiguous=False, other=None)
    cause = possible[-1]
    # "If the latest event of the other type lies within 30 minutes of the winner: `AMBIGUOUS`, both named."
    others = [event for event in possible if type(event) is not type(cause)]
    ambiguous = bool(others) and cause.at - others[-1].at <= timedelta(minutes=30)
    return Match(nearest.id if nearest else None, cause.id, ambiguous, others[-1].id if ambiguous else None)


# ------------------------------------------------------------------------ where the text is open, and what was chosen
#
# Order and kinds
#  1. Ids are compared as text ("deployment:10" before "deployment:9") where instants are equal.
#  2. "first live" is the first event of that sha ever, not its latest deploy. So after A B C, back to A, forward to B
#     and to C, a return to B is a rollback that ends the clocks of C but leaves the new clock of B.
#  3. A version is "older" by its number, not by when it first shipped (without numbers: by which shipped first).
#  4. "the live one" in the kinds of MODEL events is the version shipped last, under every signal. (Under `registered`
#     many versions are live at once; the text names no single one.) No status depends on it.
#  5. A version of which neither run, source nor logged model is known is a ship: nothing shows that its content
#     shipped before. Where one of run and source is unknown, the other one decides: it may be the same content.
#  5a. "older than the live version" is about numbers: names that are not whole numbers are older by their first ship,
#     and one that never shipped is never older. What ships by being registered is as new as its registration.
#  5b. A version that never shipped and is older is a rollback also where its content shipped before.
#
# Provisional
#  6. Its clock starts at as-of, whatever its `at` (that is only held against as-of, so that it exists). If it is a
#     redeploy or a rollback, it opens no clock. `sla-since` is held against its start.
#  7. It is not in the timeline yet: it is last in order, changes no other event's kind, is nobody's previous deploy,
#     cancels nothing (as a rollback), is in no week, and is matched to no incident.
#
# The promise
#  8. "inclusive to the second": instants are compared exactly; 48:00:00.000001 is late. (It could also mean that
#     fractions of a second are cut off first.)
#  9. "live at the start" of a pin: MODEL events strictly before the start, for CODE comes before MODEL at one instant.
#     A ship at that very instant satisfies as an event. So version 12, replaced by 11 at the very start, still meets.
# 10. The version shown for a pin met at the start: the highest fitting one live. For a co-release: the latest ship.
#     A co-release goes before a ship at or after the start. (`met` in every case.)
# 11. A co-release need not still be live at the start: the text asks for the ship only.
# 12. "strictly after the previous deploy" is about instants: a ship at the very instant of the previous deploy is no
#     co-release, though it comes later in order; of two deploys at one instant the second has no co-release window.
#     Exactly sla-hours before the start is within. A deploy before `sla-since` still is a previous deploy. Without any
#     previous deploy only the sla-hours bound it.
# 13. Rollback and ship at one instant: the ship counts (the brief says so; by CODE before MODEL the rollback would come
#     first). A rollback at the deadline cancels.
# 14. Only the first rollback that ends a clock matters. A cancelled clock does not come back with its sha: the
#     roll-forward is a deploy with a clock of its own. What a late rollback closed no later ship reopens.
# 15. `none` is `not_required` for good: no rollback cancels it.
# 16. A stub that is there and names no model: no obligations; the default does not step in.
# 17. `sla-since` as a date begins at midnight UTC; a deploy at that instant opens a clock.
# 18. as-of at the deadline: pending, or at risk. Exactly 25 % of the clock left: pending.
#
# Observed intervals
# 19. Only the ends are tried, never the inside, even where both ends agree and the inside does not. (`any`, previous
#     deploy 20 h, deploy 60 h, rollback 70 h, ship in (10 h, 100 h]: cancelled at both ends, met in between.)
# 20. Every observed ship of the model at either end, in all combinations; kinds and live versions are calculated anew
#     in each. Two observed ships never change places (seen later = not earlier; seen at once = by id); an exact act
#     within an observed interval may come before or after it. Acts at one instant: the one seen earlier first.
# 21. Any two different answers are `undetermined`: also while the clock still runs ({pending, met}), and also where
#     both are misses ({late, breached}) or neither is one ({met, cancelled}).
# 22. One answer: time and version are those with every observed ship at its later end.
# 23. An observed ship whose `at` is later than as-of does not exist, even if its interval began before.
#
# Waivers
# 24. What a late rollback closed is `waived` if `until` had not passed *at the rollback*, and stays so, as with a late
#     ship. ("while a waiver holds" could also mean: at as-of, and `late` once `until` has passed.)
# 25. `until` itself is within (as-of, ship or rollback <= until).
# 26. "before the deadline" for the ledger is strict: seen at the deadline is a miss.
# 27. Only waivers that hold count for "unless it stood in the stub at the deployed sha ...": an early one that has
#     expired does not excuse a later one. One good one among several that hold is enough.
# 28. A waiver in the stub of another sha, and not at head, does not serve this sha, not even if it says `*`.
# 29. A waiver that no run is known to have seen may have been there when a clock was closed late: it excuses it.
#     A waiver whose `seen_at` is later than as-of still holds what is open: it was read now; only its `until` is
#     judged at as-of.
#
# Rate, weeks, matching
# 30. "in the last 28 days": as-of - 28 d <= deadline <= as-of. Met early, deadline still to come: not in the rate yet.
# 31. An observed ship is in the week of its later end.
# 32. The week of an event is that of its local date in the zone.
# 33. An incident resolved after as-of is open at as-of. One with end < start is in neither the mean nor the count.
# 34. `nearest` among events of one instant: the first in order (CODE, then lower id); `cause`: the last in order
#     (MODEL, then higher id).
# 35. "the latest event of the other type" is sought among the possible causes only: not after the incident, and within
#     incident-match-hours. Exactly 30 minutes is within.
# 36. "Same-second events match": a difference of 0 matches; a deploy a fraction of a second after the incident does
#     not.
