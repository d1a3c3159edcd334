"""Pictures in conversations: what a model with a picture part makes of them, and what becomes of hostile ones."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from desktop.inference import pixels as decoding
from desktop.inference import vision
from desktop.inference.engine import LlamaModel, ModelUnusable
from desktop.inference.keeper import Keeper
from desktop.inference.pictures import EncodedPicture
from desktop.inference.pixels import pixels
from desktop.inference.prompt import FIRST_ID
from desktop.inference.sight import Sight
from desktop.inference.vision import Vision
from desktop.inference.worker_settings import WorkerSettings
from desktop.models.bundled import asset
from tests.desktop.inference import answers, seeing_models
from tests.desktop.inference.answers import PARIS, PARIS_ANSWER, STORY, a_call
from tests.desktop.inference.bench import QUESTIONS, Bench, Heard
from tests.desktop.inference.conftest import Watch
from tests.desktop.inference.test_like_llama_server import ask, running
from tests.desktop.inference.test_resume import cut

TOKENS = 16
"""Of a picture, for the demo model."""


def a_picture(shade: int = 40, size: tuple[int, int] = (96, 64), form: str = "PNG") -> bytes:
    image = Image.linear_gradient("L").resize(size).point([min(value + shade, 255) for value in range(256)])
    file = io.BytesIO()
    image.convert("RGB").save(file, form)
    return file.getvalue()


def shown(*pictures: bytes, text: str = PARIS) -> list[dict[str, Any]]:
    """The content of a message."""
    urls = (f"data:image/png;base64,{base64.b64encode(data).decode()}" for data in pictures)
    return [*({"type": "image_url", "image_url": {"url": url}} for url in urls), {"type": "text", "text": text}]


def of_url(url: Any) -> list[dict[str, Any]]:
    return [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": PARIS}]


def rest(heard: Heard) -> tuple[str, list[int], str | None]:
    return heard.text(), heard.ids(), heard.end()


@pytest.fixture(scope="session")
def projector(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return seeing_models.llava(tmp_path_factory.mktemp("projector") / "mmproj.gguf")


@pytest.fixture
def seeing(load: Callable[..., LlamaModel], projector: Path) -> Callable[..., Bench]:
    """Benches that remember nothing of each other, on one loaded model with a picture part."""

    def make(**changed: Any) -> Bench:
        model = load(**{"context": 512, "slots": 4} | changed)
        vision = Vision(model, str(projector), sha256="00" * 32, threads=1, graphics=False)
        return Bench(model, sight=Sight(vision))

    return make


def _llava(folder: Path, model_path: Path) -> tuple[Path, Path]:
    return model_path, seeing_models.llava(folder / "mmproj.gguf")


def _qwen2vl(folder: Path, _: Path) -> tuple[Path, Path]:
    seeing_models.qwen2vl(folder / "model.gguf", folder / "mmproj.gguf")
    return folder / "model.gguf", folder / "mmproj.gguf"


def _gemma3(folder: Path, _: Path) -> tuple[Path, Path]:
    seeing_models.gemma3(folder / "model.gguf", folder / "mmproj.gguf")
    return folder / "model.gguf", folder / "mmproj.gguf"


MADE = [_llava, _qwen2vl, _gemma3]
KINDS = ["in a row", "two dimensions", "both directions"]


# --- what is seen ---


def test_a_picture_takes_its_tokens_of_the_prompt_and_is_answered(seeing: Callable[..., Bench]) -> None:
    plain, heard = seeing().ask(), seeing().ask(shown(a_picture()), max_tokens=12)
    assert plain.accept is not None
    assert heard.accept is not None
    assert heard.accept.prompt_tokens == plain.accept.prompt_tokens + TOKENS
    assert heard.end() in {"stop", "length"}


def test_what_is_answered_depends_on_the_picture_and_on_nothing_else(seeing: Callable[..., Bench]) -> None:
    def logprobs(picture: bytes) -> list[float]:
        heard = seeing().ask(shown(picture), max_tokens=4, logprobs=True)
        return [entry["logprob"] for entry in heard.logprobs()]

    assert logprobs(a_picture(40)) == logprobs(a_picture(40))
    assert logprobs(a_picture(40)) != logprobs(a_picture(200))


def test_pictures_stand_where_they_were_sent(seeing: Callable[..., Bench]) -> None:
    before = [*shown(a_picture(), text="What is this?")]
    behind = before[::-1]
    ids = []
    for content in (before, behind):
        bench = seeing()
        bench.ask(content, max_tokens=1)
        ids.append(next(slot.ids for slot in bench.host._slots if slot.ids))
    first, last = ([at for at, token in enumerate(each) if token >= FIRST_ID] for each in ids)
    assert first == list(range(first[0], first[0] + TOKENS))
    assert last == list(range(last[0], last[0] + TOKENS))
    assert first[0] < last[0]


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "GIF"])
def test_the_common_kinds_of_files_are_read(seeing: Callable[..., Bench], form: str) -> None:
    assert seeing().ask(shown(a_picture(form=form)), max_tokens=2).finish is not None


def test_a_photograph_is_seen_upright_and_a_transparent_picture_on_white() -> None:
    turned, file = Image.new("RGB", (2, 1)), io.BytesIO()
    exif = turned.getexif()
    exif[0x0112] = 6  # orientation: a quarter to the right
    turned.save(file, "JPEG", exif=exif)
    [seen] = pixels([EncodedPicture("at", file.getvalue())])
    assert (seen.width, seen.height) == (1, 2)

    clear, file = Image.new("RGBA", (1, 1), (0, 0, 0, 0)), io.BytesIO()
    clear.save(file, "PNG")
    [seen] = pixels([EncodedPicture("at", file.getvalue())])
    assert seen.rgb == b"\xff\xff\xff"


# --- beside others ---


def test_answers_beside_a_picture_are_those_alone(seeing: Callable[..., Bench]) -> None:
    alone = [rest(seeing().ask(question)) for question in QUESTIONS[:3]]
    with_picture = rest(seeing().ask(shown(a_picture(), text=STORY)))
    bench = seeing()
    serials = [bench.submit(question) for question in QUESTIONS[:3]]
    seen = bench.submit(shown(a_picture(), text=STORY))
    bench.run()
    assert [rest(bench.calls[serial]) for serial in serials] == alone
    assert rest(bench.calls[seen]) == with_picture


def test_a_call_that_is_cancelled_at_any_time_leaves_the_others_as_they_were(seeing: Callable[..., Bench]) -> None:
    alone = rest(seeing().ask())
    for steps in range(6):
        bench = seeing()
        kept, gone = bench.submit(), bench.submit(shown(a_picture(), text=STORY))
        for _ in range(steps):
            bench.step()
        bench.host.cancel(gone)
        bench.run()
        assert rest(bench.calls[kept]) == alone
        assert bench.ask(shown(a_picture()), max_tokens=2).finish is not None


def test_several_choices_share_the_picture(seeing: Callable[..., Bench]) -> None:
    bench = seeing()
    heard = bench.ask(shown(a_picture()), n=2, max_tokens=8)
    assert rest(heard)[2] is not None
    assert heard.text(0) == heard.text(1)
    assert heard.accept is not None
    assert bench.host.counters.computed < 2 * heard.accept.prompt_tokens


def test_a_picture_that_cannot_be_computed_costs_its_own_call_only(
    seeing: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_vision: Vision, picture: Any) -> None:
        picture.broken = True

    monkeypatch.setattr(Vision, "encode", broken)
    bench = seeing()
    kept, failed = bench.submit(), bench.submit(shown(a_picture()))
    bench.run()
    assert bench.calls[kept].text() == PARIS_ANSWER
    fail = bench.calls[failed].fail
    assert fail is not None
    assert (fail.code, fail.at_fault) == ("vision", "node")


def test_pictures_side_by_side_are_looked_at_without_a_pause(seeing: Callable[..., Bench]) -> None:
    bench = seeing()
    bench.submit(shown(*[a_picture(shade) for shade in range(0, 240, 60)]), max_tokens=2)
    while not bench.host.idle:
        if bench.host.resting:
            assert bench._woken.wait(5), "nothing will ever wake this host"
        bench._woken.clear()
        bench.step()


def test_pictures_that_begin_with_the_same_ids_are_not_taken_for_one_another(
    seeing: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are digests, of which somebody can find two that begin alike."""
    ids = vision._ids
    monkeypatch.setattr(vision, "_ids", lambda seed, count: [FIRST_ID] * (count - 1) + ids(seed, 1))
    bench = seeing()
    long = "What is to be seen in this picture, and what is not? " * 2
    for shade in (0, 90):
        content = [{"type": "text", "text": long}, *shown(a_picture(shade))]
        fresh = seeing().ask(content, max_tokens=4)
        assert rest(bench.ask(content, max_tokens=4)) == rest(fresh)


def test_a_call_whose_pictures_are_looked_at_has_its_slot_already(seeing: Callable[..., Bench]) -> None:
    bench = seeing()
    serials = [bench.submit(shown(a_picture(shade)), max_tokens=2) for shade in range(0, 60, 10)]
    bench.run()
    ends = [bench.calls[serial] for serial in serials]
    assert sum(end.finish is not None for end in ends) >= 4
    assert {end.decline.reason for end in ends if end.decline} <= {"busy"}
    assert sum(end.decline is not None for end in ends) == 2


def test_a_prompt_that_ends_in_a_picture_is_refused(
    load: Callable[..., LlamaModel], projector: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load(context=512, slots=4)
    monkeypatch.setattr(type(model), "template", "{{ messages[0]['content'] }}")
    sight = Sight(Vision(model, str(projector), sha256="00" * 32, threads=1, graphics=False))
    refused = Bench(model, sight=sight).ask(shown(a_picture(), text="")).decline
    assert refused is not None
    assert refused.reason == "template"


# --- what is remembered ---


def test_a_second_turn_does_not_look_again(seeing: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch) -> None:
    encoded: list[int] = []
    encode = Vision.encode

    def counted(self: Vision, picture: Any) -> None:
        encoded.append(picture.start)
        encode(self, picture)

    monkeypatch.setattr(Vision, "encode", counted)
    bench = seeing()
    first = bench.ask(shown(a_picture()), max_tokens=4)
    again = bench.ask(shown(a_picture()), max_tokens=4)
    assert rest(again) == rest(first)
    assert again.finish is not None
    assert again.finish.cached_tokens > TOKENS
    assert len(encoded) == 1

    assert bench.ask(shown(a_picture()), max_tokens=4, tenant="b").finish is not None
    assert len(encoded) == 2, "another tenant gains nothing by it"
    assert bench.ask(shown(a_picture(90)), max_tokens=4).finish is not None
    assert len(encoded) == 3


@pytest.mark.parametrize("fields", [{}, {"temperature": 1.2, "seed": 3}], ids=["greedy", "seeded"])
def test_an_answer_about_a_picture_goes_on_elsewhere_as_if_unbroken(
    seeing: Callable[..., Bench], fields: dict[str, Any]
) -> None:
    content = shown(a_picture(), text=STORY)
    whole = seeing().ask(content, max_tokens=30, **fields)
    for at in range(len(whole.records)):
        resumed = seeing().ask(content, max_tokens=30, resume=cut(whole, at), **fields)
        assert Heard(records=whole.records[:at]).ids() + resumed.ids() == whole.ids()
        assert resumed.end() == whole.end()


def test_an_answer_about_another_picture_is_not_gone_on_with(seeing: Callable[..., Bench]) -> None:
    whole = seeing().ask(shown(a_picture(), text=STORY), max_tokens=20)
    refused = seeing().ask(shown(a_picture(90), text=STORY), max_tokens=20, resume=cut(whole, 3)).decline
    assert refused is not None
    assert refused.reason == "resume_mismatch"


@pytest.mark.parametrize("made", MADE, ids=KINDS)
def test_a_conversation_goes_on_from_its_cache_as_without_one(
    made: Callable[[Path, Path], tuple[Path, Path]], model_path: Path, tmp_path: Path
) -> None:
    """Beside others too, where a large picture is computed in parts."""
    model, projector = made(tmp_path, model_path)
    loaded = LlamaModel(str(model), context=1024, slots=4, pool=0, threads=1, gpu_layers=0)

    def bench() -> Bench:
        for slot in range(loaded.slots):
            loaded.truncate(slot, 0)
        vision = Vision(loaded, str(projector), sha256="00" * 32, threads=1, graphics=False)
        return Bench(loaded, sight=Sight(vision), prefill_budget=64)

    first = shown(a_picture(size=(400, 300)), text="What is this?")
    second = [*first, *shown(a_picture(90), text="And this?")]
    asked: dict[str, Any] = {"max_tokens": 3, "logprobs": True}
    fresh = bench().ask(second, **asked)
    warm = bench()
    warm.submit(STORY, max_tokens=100)
    warm.ask(first, **asked)
    again = warm.ask(second, **asked)
    assert again.finish is not None
    assert again.finish.cached_tokens > TOKENS
    told, expected = ([entry["logprob"] for entry in heard.logprobs()] for heard in (again, fresh))
    assert told == pytest.approx(expected, abs=2e-3)
    loaded.close()


# --- what is refused ---


def png_of(width: int, height: int) -> bytes:
    """A head that claims a size, and next to no data."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


def data_url(data: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("https://example.com/cat.png", "only images inside the request"),
        ("file:///etc/passwd", "only images inside the request"),
        ("data:text/plain;base64,aGk=", "only images inside the request"),
        ("data:image/png,notbase64", "only images inside the request"),
        ("data:image/png;base64,%%%", "not base64"),
        (data_url(b""), "no PNG, JPEG, WebP or GIF"),
        (data_url(b"GIF89a"), "no PNG, JPEG, WebP or GIF"),
        (data_url(a_picture(form="JPEG")[:200]), "or a damaged one"),
        (data_url(a_picture(form="TIFF")), "no PNG, JPEG, WebP or GIF"),
        (data_url(png_of(30_000, 30_000)), "more than 32 million pixels"),
        (data_url(png_of(8_192, 4_097)), "more than 32 million pixels"),
        (data_url(png_of(64, 64)), "or a damaged one"),
        (7, "expected a string"),
        (None, "Missing required parameter"),
    ],
)
def test_what_is_no_picture_is_refused_by_its_place(seeing: Callable[..., Bench], url: Any, says: str) -> None:
    bench = seeing()
    refused = bench.ask(of_url(url)).decline
    assert refused is not None
    assert refused.reason == "parameter"
    assert says in refused.message
    assert "messages[0].content[0].image_url.url" in refused.message
    assert bench.ask().text() == PARIS_ANSWER


def test_too_many_pictures_are_refused(seeing: Callable[..., Bench]) -> None:
    refused = seeing().ask(shown(*[a_picture()] * 17)).decline
    assert refused is not None
    assert "at most 16 images, but got 17" in refused.message


def test_a_photograph_is_made_smaller_than_a_camera_makes_it() -> None:
    photograph = EncodedPicture("at", a_picture(size=(6000, 4000), form="JPEG"))
    [alone] = pixels([photograph])
    together = list(pixels([photograph] * 16))
    assert alone.width * alone.height <= decoding.KEPT_PIXELS
    assert alone.width / alone.height == pytest.approx(1.5, rel=0.01)
    assert sum(each.width * each.height for each in together) <= decoding.KEPT_TOGETHER


def test_sixteen_bits_of_grey_are_not_cut_off() -> None:
    file = io.BytesIO()
    Image.fromarray(np.full((2, 2), 20_000, np.uint16)).save(file, "PNG")
    [seen] = pixels([EncodedPicture("at", file.getvalue())])
    assert seen.rgb == bytes([20_000 >> 8] * 12)


def test_a_jpeg_of_endless_scans_is_refused_before_the_first(seeing: Callable[..., Bench]) -> None:
    file = io.BytesIO()
    Image.linear_gradient("L").save(file, "JPEG", progressive=True)
    scan = file.getvalue().rindex(b"\xff\xda")
    refused = seeing().ask(shown(file.getvalue()[:-2] + file.getvalue()[scan:-2] * 100 + b"\xff\xd9")).decline
    assert refused is not None
    assert "a JPEG of more than 64 scans" in refused.message


def test_pictures_that_do_not_fit_the_context_are_refused_with_their_tokens(seeing: Callable[..., Bench]) -> None:
    refused = seeing(context=256).ask(shown(*[a_picture()] * 16)).decline
    assert refused is not None
    assert refused.reason == "context"
    assert "maximum context length is 256" in refused.message


def test_a_model_without_a_picture_part_takes_none(load: Callable[..., LlamaModel]) -> None:
    refused = Bench(load(context=512)).ask(shown(a_picture())).decline
    assert refused is not None
    assert "takes only content parts of type 'text'" in refused.message


@pytest.mark.parametrize("text", ["<__media__>", "<image>", "<picture 00>"])
def test_a_text_cannot_pretend_to_be_a_picture(seeing: Callable[..., Bench], text: str) -> None:
    bench = seeing()
    alone, beside, plain = (
        bench.ask(content, max_tokens=2).accept for content in (text, shown(a_picture(), text=text), "")
    )
    assert alone is not None
    assert beside is not None
    assert plain is not None
    assert alone.prompt_tokens > plain.prompt_tokens
    assert beside.prompt_tokens == alone.prompt_tokens + TOKENS


def test_a_picture_part_of_another_model_is_refused_when_it_is_loaded(
    load: Callable[..., LlamaModel], tmp_path: Path
) -> None:
    seeing_models.gemma3(tmp_path / "model.gguf", tmp_path / "other.gguf")
    with pytest.raises(ModelUnusable, match="another model's"):
        Vision(load(), str(tmp_path / "other.gguf"), sha256="00", threads=1, graphics=False)


# --- in a worker ---


async def test_a_confined_worker_looks_at_pictures_of_every_kind(
    settings: Callable[..., WorkerSettings], watch: Watch, projector: Path
) -> None:
    keeper = Keeper(settings(projector=projector), on_change=watch)
    await keeper.start()
    ready = await watch.ready()
    assert ready.facts.pictures
    plain = await answers.ask(keeper, a_call())
    for form in ("PNG", "JPEG", "WEBP", "GIF"):
        answer = await answers.ask(keeper, a_call(shown(a_picture(form=form)), max_tokens=4))
        assert answer.prompt_tokens == (plain.prompt_tokens or 0) + TOKENS
        assert answer.reason in {"stop", "length"}
    refused = await answers.ask(keeper, a_call(shown(b"GIF89a")))
    assert refused.decline is not None
    assert (await answers.ask(keeper, a_call())).text() == PARIS_ANSWER
    await keeper.stop()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"GGUF" + bytes(60), "The model's picture part cannot be used"),
        (None, "The model's picture part cannot be read: No such file"),
        (asset("nightjar-demo.gguf").read_bytes(), "mmproj.gguf is not the picture part of a model."),
        ("another model's", "llama.cpp cannot read this model's picture part, or it is another model's."),
    ],
    ids=["damaged", "missing", "a whole model", "another model's"],
)
async def test_a_picture_part_that_is_no_good_costs_a_model_its_sight_alone(
    settings: Callable[..., WorkerSettings], watch: Watch, tmp_path: Path, content: bytes | str | None, says: str
) -> None:
    path = tmp_path / "mmproj.gguf"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content:
        seeing_models.gemma3(tmp_path / "model.gguf", path)
    keeper = Keeper(settings(projector=path), on_change=watch)
    await keeper.start()
    ready = await watch.ready()
    assert not ready.facts.pictures
    assert says in ready.facts.blind
    assert (await answers.ask(keeper, a_call())).text() == PARIS_ANSWER
    await keeper.stop()


# --- the same as llama-server ---


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.xdist_group("llama-server")
@pytest.mark.parametrize("made", MADE, ids=KINDS)
def test_pictures_are_seen_as_llama_server_sees_them(
    made: Callable[[Path, Path], tuple[Path, Path]], model_path: Path, tmp_path: Path
) -> None:
    model, projector = made(tmp_path, model_path)
    flags = ("-np", "1", "-c", "1024", "--mmproj", str(projector))
    loaded = LlamaModel(str(model), context=1024, slots=4, pool=0, threads=1, gpu_layers=0)
    sight = Sight(Vision(loaded, str(projector), sha256="00", threads=1, graphics=False))
    conversations = [
        shown(a_picture(), text="What is this?"),
        shown(a_picture(120, (200, 60)), a_picture(0, (64, 160)), text="Which one?"),
        [*shown(a_picture(), text="Look at this, "), *shown(a_picture(220), text=" and this.")],
    ]
    fields: dict[str, Any] = {"temperature": 0, "logprobs": True, "top_logprobs": 10}
    with running(model, tmp_path, *flags) as server:
        firsts = [_asked(server, content, fields | {"max_tokens": 1}) for content in conversations]
        texts = [_asked(server, content, fields | {"max_tokens": 24}) for content in conversations]
    bench = Bench(loaded, sight=sight)
    serials = [bench.submit(content, max_tokens=24, **fields) for content in conversations]
    bench.run()
    for serial, first, text in zip(serials, firsts, texts, strict=True):
        heard = bench.calls[serial]
        assert heard.accept is not None
        assert heard.accept.prompt_tokens == first["usage"]["prompt_tokens"]
        [expected] = first["choices"][0]["logprobs"]["content"]
        told = heard.logprobs()[0]
        assert [each["logprob"] for each in told["top_logprobs"]] == pytest.approx(
            [each["logprob"] for each in expected["top_logprobs"]], abs=1e-3
        )
        assert heard.text() == text["choices"][0]["message"]["content"]
    loaded.close()


def _asked(server: httpx.Client, content: list[dict[str, Any]], fields: dict[str, Any]) -> dict[str, Any]:
    return ask(server, "/v1/chat/completions", messages=[{"role": "user", "content": content}], **fields)
