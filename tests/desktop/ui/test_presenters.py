from __future__ import annotations

from dataclasses import replace

import pytest

from desktop.agent.state import Earnings, LinkState, Mode, ModelState, Reason, Sharing
from desktop.ui import examples
from desktop.ui.examples import NOW, snapshot
from desktop.ui.faces import every_face
from desktop.ui.figures import Formats
from desktop.ui.places import Place
from desktop.ui.presenters import Presenter, relay_address
from desktop.ui.views import Money, Shape, Tone
from desktop.ui.window import MainWindow


def untranslated(_context: str, text: str, _disambiguation: str = "", n: int = -1, /) -> str:
    return text.replace("%Ln", str(n))


PRESENTER = Presenter(untranslated, Formats(".", ",", lambda at, _now: f"T{at - NOW:+.0f}"))
EARNED_NOTHING = Earnings(0, 0, 0, 0)


@pytest.mark.parametrize(
    ("face", "shape"),
    [
        ("serving", Shape.SERVING),
        ("ready", Shape.READY),
        ("warming-up", Shape.WAITING),
        ("owner-active", Shape.WAITING),
        ("closing", Shape.WAITING),
        ("paused", Shape.PAUSED),
        ("off", Shape.OFF),
        ("not-enrolled", Shape.NEEDS_YOU),
        ("no-model", Shape.NEEDS_YOU),
        ("model-failed", Shape.NEEDS_YOU),
        ("no-contact", Shape.NO_CONTACT),
        ("connecting", Shape.NO_CONTACT),
        ("starting", Shape.NO_CONTACT),
    ],
)
def test_each_state_has_its_sign_in_the_tray_and_on_the_page(face: str, shape: Shape) -> None:
    view = every_face()[face]
    assert PRESENTER.tray(view, NOW).shape is shape
    assert PRESENTER.home(view, NOW).state.shape is shape


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_a_headline_and_a_sentence_of_its_own(reason: Reason) -> None:
    face = replace(snapshot(), sharing=Sharing(sharing=False, reason=reason, sentence="Not sharing: so it is."))
    state = PRESENTER.state(face, NOW)
    assert state.headline not in {"", "Waiting"}
    assert state.detail


@pytest.mark.parametrize(
    ("ends_with", "detail", "line"),
    [
        ("vlc", "The pause ends when vlc closes, at T+1750 at the latest.", "Paused until vlc closes"),
        (
            "plugged in",
            "The pause ends when this PC is plugged in, at T+1750 at the latest.",
            "Paused until plugged in",
        ),
    ],
)
def test_a_pause_that_waits_for_something_names_it(ends_with: str, detail: str, line: str) -> None:
    paused = every_face()["paused"]
    assert paused is not None
    waiting = replace(paused, snoozed_for=ends_with)
    assert PRESENTER.state(waiting, NOW).detail == detail
    assert PRESENTER.tray(waiting, NOW).state == line


def test_a_waiting_pc_counts_down_to_sharing() -> None:
    ready = every_face()["ready"]
    assert ready is not None
    sharing = Sharing(
        sharing=False,
        reason=Reason.OWNER_ACTIVE,
        sentence="Waiting: you used this PC a moment ago.",
        until=NOW + 180,
        used_at=NOW - 120,
    )
    waiting = replace(ready, sharing=sharing)
    assert PRESENTER.state(waiting, NOW).detail == "You used this PC 2 min ago; sharing starts in 3:00."
    assert PRESENTER.home(waiting, NOW).ticking


def test_the_agents_sentence_is_not_said_twice() -> None:
    state = PRESENTER.state(every_face()["owner-unknown"], NOW)
    assert state.headline == "Waiting until you are away"
    assert state.detail.startswith("Nightjar cannot tell whether this PC is in use")


def test_no_face_opens_its_sentence_with_its_headline() -> None:
    for name, face in every_face().items():
        state = PRESENTER.state(face, NOW)
        assert not state.detail.startswith(state.headline), name
        assert "Waiting: " not in state.detail, name
        assert not state.detail[:1].islower() or name in {"no-contact", "long-words"}, name


def test_a_pause_into_closed_hours_does_not_promise_to_share_when_it_ends() -> None:
    face = every_face()["paused-into-the-night"]
    assert (
        PRESENTER.state(face, NOW).detail
        == "The pause ends at T+1750, in 29:10. Sharing starts at T+32000, in 8:53:20."
    )


def test_a_pause_beside_something_without_an_end_names_it() -> None:
    detail = PRESENTER.state(every_face()["paused-beside-heat"], NOW).detail
    assert detail.startswith("The pause ends at T+1750, in 29:10. This PC also waits for something else: the graphics")


@pytest.mark.parametrize(
    "name",
    [
        "cooled-down",
        "exclusive-app-over",
        "full-screen-over",
        "call-over",
        "cpu-was-busy",
        "gpu-was-busy",
        "memory-was-low",
        "disk-was-low",
    ],
)
def test_what_is_over_is_not_said_to_go_on(name: str) -> None:
    face = every_face()[name]
    state = PRESENTER.state(face, NOW)
    assert (state.shape, state.headline) == (Shape.WAITING, "Waiting for a quiet moment")
    assert "sharing starts in 0:40" in state.detail
    assert PRESENTER.tray(face, NOW).state == "Waiting for a quiet moment; starts at T+40"


def test_the_tray_names_the_time_at_which_the_page_counts_down() -> None:
    line = PRESENTER.tray(every_face()["owner-was-active"], NOW).state
    assert line == "Waiting until you are away; starts at T+180"
    beside = PRESENTER.tray(every_face()["owner-was-active-beside-load"], NOW).state
    assert beside == "Waiting until you are away; starts at T+180 at the earliest"


def test_answers_that_still_run_while_the_owner_is_back_are_told() -> None:
    detail = PRESENTER.state(every_face()["handing-over"], NOW).detail
    assert detail.endswith("2 answers are still running; they are handed over to another PC or finished.")


def test_a_relay_that_refuses_is_not_said_to_be_silent() -> None:
    view = PRESENTER.home(every_face()["refused"], NOW)
    assert (view.state.shape, view.state.headline) == (Shape.NEEDS_YOU, "The relay refuses this PC")
    assert view.state.detail == "The relay does not accept this PC's key. Next try in 9:00."
    assert (view.relay.word, view.relay.detail) == ("Refused", "")


def test_a_schedule_without_an_open_hour_needs_its_owner_and_one_with_hours_does_not() -> None:
    assert PRESENTER.state(every_face()["never-in-schedule"], NOW).shape is Shape.NEEDS_YOU
    assert PRESENTER.state(every_face()["outside-schedule"], NOW).shape is Shape.WAITING


def test_a_first_model_on_its_way_is_no_cause_for_alarm_but_one_that_stopped_is() -> None:
    coming = PRESENTER.state(every_face()["first-download"], NOW)
    assert (coming.shape, coming.headline) == (Shape.WAITING, "A model is on its way")
    stopped = PRESENTER.state(every_face()["first-download-stopped"], NOW)
    assert (stopped.shape, stopped.headline) == (Shape.NEEDS_YOU, "No model to share")


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("no-model", Place.MODELS),
        ("model-failed", Place.MODELS),
        ("first-download-paused", Place.MODELS),
        ("outside-schedule", Place.RULES),
        ("never-in-schedule", Place.RULES),
        ("on-battery", Place.RULES),
        ("exclusive-app", Place.RULES),
    ],
)
def test_what_the_owner_can_change_is_named_by_the_page_that_does_it(
    name: str, place: Place, window: MainWindow
) -> None:
    assert f"under “{window.sidebar.title(place)}”." in PRESENTER.state(every_face()[name], NOW).detail


def test_a_tooltip_is_never_longer_than_windows_shows() -> None:
    for name, face in every_face().items():
        assert len(PRESENTER.tray(face, NOW).tooltip) <= 120, name


@pytest.mark.parametrize(
    ("answers", "line", "quit_row"),
    [
        (1, "Sharing: 1 answer, 41 tok/s", "Quit (finishes 1 answer)"),
        (2, "Sharing: 2 answers, 41 tok/s", "Quit (finishes 2 answers)"),
    ],
)
def test_the_tray_counts_answers_and_says_what_quitting_does(answers: int, line: str, quit_row: str) -> None:
    view = PRESENTER.tray(examples.serving(answers), NOW)
    assert (view.state, view.quit) == (line, quit_row)
    assert view.tooltip == f"Nightjar: {line}"


def test_nothing_running_is_plainly_quit() -> None:
    assert PRESENTER.tray(snapshot(), NOW).quit == "Quit"
    assert PRESENTER.tray(every_face()["closing"], NOW).quit == "Quit now"


def test_a_pause_counts_down_on_the_page_but_not_in_the_tray() -> None:
    paused = snapshot(snoozed_until=NOW + 1750)
    assert PRESENTER.home(paused, NOW).state.detail == "Sharing continues at T+1750, in 29:10."
    assert PRESENTER.home(paused, NOW + 1).state.detail == "Sharing continues at T+1750, in 29:09."
    assert PRESENTER.home(paused, NOW).ticking
    assert PRESENTER.tray(paused, NOW) == PRESENTER.tray(paused, NOW + 1)
    assert PRESENTER.tray(paused, NOW).state == "Paused until T+1750"


def test_a_lost_relay_counts_down_to_the_next_try() -> None:
    view = PRESENTER.home(examples.unreachable(), NOW)
    assert view.state.headline == "No contact"
    assert view.state.detail == "relay.example.org does not answer. Next try in 0:12."
    assert (view.relay.word, view.relay.detail, view.relay.tone) == (
        "No contact",
        "It does not answer.",
        Tone.ATTENTION,
    )
    assert view.ticking


def test_a_page_that_only_waits_does_not_tick() -> None:
    for face in ("ready", "serving", "off", "not-enrolled", "connecting", "starting"):
        assert not PRESENTER.home(every_face()[face], NOW).ticking, face


def test_pause_and_resume_are_never_offered_together() -> None:
    for name, face in every_face().items():
        state = PRESENTER.state(face, NOW)
        assert not (state.can_pause and state.can_resume), name
    assert PRESENTER.state(snapshot(), NOW).can_pause
    assert PRESENTER.state(snapshot(snoozed_until=NOW + 60), NOW).can_resume
    assert not PRESENTER.state(snapshot(mode=Mode.OFF), NOW).can_pause
    assert not PRESENTER.state(examples.not_enrolled(), NOW).can_pause


def test_before_the_agents_first_word_nothing_can_be_chosen() -> None:
    view = PRESENTER.tray(None, NOW)
    assert (view.state, view.mode) == ("Starting…", None)
    assert not (view.can_choose)
    assert not (view.can_pause)
    assert not (view.can_resume)
    assert not (view.can_free_memory)


def test_an_agent_that_died_is_not_shown_as_sharing() -> None:
    state = PRESENTER.home(examples.serving(), NOW, lost=True).state
    assert (state.shape, state.tone, state.headline) == (Shape.NEEDS_YOU, Tone.BAD, "Nightjar stopped working")
    assert PRESENTER.tray(examples.serving(), NOW, lost=True).state == "Nightjar stopped working"


def test_the_first_answers_tiny_pay_is_rounded_for_the_eye_and_told_exactly() -> None:
    earned = PRESENTER.earnings(snapshot(earnings=Earnings(1_800, 1_800, 1_800, 1)))
    assert earned.today == Money("< $0.01", "$0.0000018")
    assert earned.exact == "exactly $0.0000018"
    assert earned.caption == "1 answer today"


def test_larger_pay_keeps_its_last_digits_for_the_tooltip() -> None:
    earned = PRESENTER.earnings(snapshot())
    assert earned.today == Money("$0.31", "$0.3124518")
    assert earned.exact == ""
    assert earned.caption == "128 answers today"
    assert PRESENTER.tray(snapshot(), NOW).earnings == "Today $0.31 · this month $6.20"


def test_no_pay_yet_is_a_sentence_or_a_zero_never_a_gap() -> None:
    assert PRESENTER.earnings(snapshot(earnings=None)).empty
    assert PRESENTER.tray(snapshot(earnings=None), NOW).earnings == "Nothing earned yet"
    nothing = PRESENTER.earnings(snapshot(earnings=EARNED_NOTHING))
    assert (nothing.today.rounded, nothing.caption, nothing.empty) == ("$0.00", "No answers today yet", "")


def test_a_model_shows_its_places_its_speed_or_its_problem() -> None:
    ready = PRESENTER.models.model(ModelState("m", "ready", slots=4, running=2, decode_tps=38.4))
    assert (ready.state, ready.detail) == ("Busy", "2 of 4 places in use · up to 38 tokens/s for one answer")
    unmeasured = PRESENTER.models.model(ModelState("m", "ready", slots=4))
    assert (unmeasured.state, unmeasured.detail) == ("Ready", "0 of 4 places in use")
    resting = PRESENTER.models.model(ModelState("m", "unloaded"))
    assert (resting.state, resting.tone) == ("Resting", Tone.CALM)
    failed = PRESENTER.models.model(ModelState("m", "failed", problem="The file is cut short."))
    assert (failed.state, failed.tone, failed.detail) == ("Failed", Tone.BAD, "The file is cut short.")


def test_memory_can_be_freed_only_while_a_model_is_in_it() -> None:
    assert PRESENTER.tray(snapshot(), NOW).can_free_memory
    assert not PRESENTER.tray(snapshot(models=()), NOW).can_free_memory
    assert not PRESENTER.tray(every_face()["model-failed"], NOW).can_free_memory


def test_an_enrolled_pc_is_not_asked_to_connect() -> None:
    assert PRESENTER.home(snapshot(), NOW).enrolment is None


def test_a_waiting_enrolment_shows_its_code_in_two_groups_and_how_long_it_is_good() -> None:
    view = PRESENTER.home(examples.waiting_for_approval(), NOW)
    assert view.enrolment is not None
    assert view.enrolment.code == "BCDF-GHJK"
    assert view.enrolment.expiry == "The code is good for another 9:02."
    assert view.ticking
    assert PRESENTER.tray(examples.waiting_for_approval(), NOW).state == "Waiting for your approval: BCDF-GHJK"


def test_a_failed_enrolment_says_why_and_asks_again() -> None:
    view = PRESENTER.home(examples.not_enrolled("nobody approved it in time"), NOW).enrolment
    assert view is not None
    assert (view.code, view.problem) == ("", "nobody approved it in time")


def test_a_node_that_another_relay_refused_is_told_so() -> None:
    enrolled = replace(snapshot().enrolment, problem="Enrolment at https://b.example failed: it was declined.")
    view = PRESENTER.home(snapshot(enrolment=enrolled), NOW)
    assert (view.enrolment, view.relay.word) == (None, "Connected")
    assert view.relay.detail == "Enrolment at https://b.example failed: it was declined."


def test_a_choice_that_could_not_be_kept_is_told_with_the_state() -> None:
    view = PRESENTER.state(replace(snapshot(), unkept="Cannot use the folder /data: no space left on device."), NOW)
    assert view.detail.endswith(
        "What you chose last holds until Nightjar ends, but could not be kept: "
        "Cannot use the folder /data: no space left on device."
    )


def test_a_model_whose_file_is_gone_is_not_passed_over() -> None:
    *_, last = PRESENTER.home(replace(snapshot(), missing=("phi",)), NOW).models
    assert (last.name, last.state, last.tone) == ("phi", "Missing", Tone.BAD)


def test_the_speed_is_said_for_who_cannot_see_the_line() -> None:
    view = PRESENTER.speed(examples.serving())
    assert view.spoken == "Speed over the last minute, now 41 tokens per second"
    assert view.caption == "Peak of the last minute: 43 tokens/s"
    assert PRESENTER.speed(snapshot()).caption == "Nothing in the last minute"


def test_an_unknown_relay_has_a_name_in_the_sentence_all_the_same() -> None:
    face = replace(examples.unreachable(), link=LinkState("waiting"))
    assert PRESENTER.state(face, NOW).detail == "the relay does not answer."


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("relay.example.org", "https://relay.example.org"),
        ("  https://relay.example.org/ ", "https://relay.example.org"),
        ("http://192.168.1.7:8686", "http://192.168.1.7:8686"),
        ("localhost:8686", "http://localhost:8686"),
        ("127.0.0.1:8686", "http://127.0.0.1:8686"),
        ("", ""),
        ("   ", ""),
        ("https://", ""),
        ("ftp://relay.example.org", ""),
        ("two words", ""),
        ("relay:99999", ""),
        ("http://[::1", ""),
    ],
)
def test_a_typed_address_is_completed_or_not_taken(typed: str, address: str) -> None:
    assert relay_address(typed) == address
