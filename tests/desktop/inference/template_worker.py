"""A real worker whose chat template is whatever the first message says: how a model file's own template would run."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from desktop.inference import templates, worker
from desktop.inference.templates import ChatTemplate

HOSTILE = "hostile:"


def main() -> int:
    templates.MAX_RENDER_S = templates.MAX_COMPILE_S = 0.3  # type: ignore[misc]
    render = ChatTemplate.render

    def rendered(self: ChatTemplate, messages: Sequence[Mapping[str, Any]], **named: Any) -> str:
        content = messages[0]["content"] if messages else ""
        if isinstance(content, str) and content.startswith(HOSTILE):
            return render(ChatTemplate(content.removeprefix(HOSTILE), bos="<s>", eos="</s>"), messages, **named)
        return render(self, messages, **named)

    ChatTemplate.render = rendered  # type: ignore[method-assign]
    return worker.main()


if __name__ == "__main__":
    sys.exit(main())
