"""The one style sheet: how frames, labels, buttons, fields and menus look in a palette. Widgets only set properties.

`card`, `ink` and `kind` are our dynamic properties; fonts are not set here, so that the desktop's font size holds.
"""

from __future__ import annotations

from desktop.ui.tokens import RADIUS_CARD, RADIUS_CONTROL, Colours
from desktop.ui.views import Tone

_TEMPLATE = """
QMainWindow, QDialog, QScrollArea, #page {{ background: {c.page}; border: none; }}
QFrame[card="true"] {{ background: {c.card}; border: 1px solid {c.edge}; border-radius: {card}px; }}

QLabel {{ color: {c.text}; background: transparent; }}
QMessageBox[asks="true"] QLabel#qt_msgbox_label {{ font-weight: 600; }}
QLabel[ink="muted"] {{ color: {c.muted}; }}
QLabel[ink="bad"] {{ color: {c.bad}; }}
QLabel[code="true"] {{ color: {c.text}; background: {c.calm_soft}; border-radius: {control}px; padding: 8px 16px; }}
{pills}

QPushButton {{
    color: {c.text}; background: {c.card}; border: 1px solid {c.control_edge}; border-radius: {control}px;
    padding: 7px 15px; min-height: 18px;
}}
QPushButton:hover {{ background: {c.calm_soft}; }}
QPushButton:pressed {{ background: {c.edge}; }}
QPushButton:focus {{ border: 2px solid {c.accent}; padding: 6px 14px; }}
QPushButton:disabled {{ color: {c.muted}; background: {c.calm_soft}; border-color: {c.edge}; }}
QPushButton[kind="primary"] {{ color: {c.on_accent}; background: {c.accent}; border-color: {c.accent}; }}
QPushButton[kind="primary"]:hover, QPushButton[kind="primary"]:pressed {{
    background: {c.accent_hover}; border-color: {c.accent_hover};
}}
QPushButton[kind="primary"]:focus {{ border-color: {c.text}; }}
QPushButton[kind="primary"]:disabled {{ color: {c.muted}; background: {c.calm_soft}; border-color: {c.edge}; }}
QPushButton[kind="quiet"] {{ color: {c.accent}; background: transparent; border-color: transparent; }}
QPushButton[kind="quiet"]:hover {{ background: {c.accent_soft}; }}
QPushButton[kind="quiet"]:focus {{ border-color: {c.accent}; }}
QPushButton[small="true"] {{ padding: 4px 11px; min-height: 16px; }}
QPushButton[small="true"]:focus {{ padding: 3px 10px; }}
QFrame[line="true"] {{ background: {c.edge}; border: none; }}
QPushButton::menu-indicator {{ width: 0; image: none; }}

QLineEdit {{
    color: {c.text}; background: {c.field}; border: 1px solid {c.control_edge}; border-radius: {control}px;
    padding: 7px 11px; min-height: 18px; selection-background-color: {c.accent}; selection-color: {c.on_accent};
    placeholder-text-color: {c.muted};
}}
QLineEdit:focus {{ border: 2px solid {c.accent}; padding: 6px 10px; }}

QPlainTextEdit {{
    color: {c.text}; background: {c.field}; border: 1px solid {c.control_edge}; border-radius: {control}px;
    padding: 6px 8px; selection-background-color: {c.accent}; selection-color: {c.on_accent};
}}
QPlainTextEdit:focus {{ border: 2px solid {c.accent}; padding: 5px 7px; }}

QComboBox, QAbstractSpinBox {{
    color: {c.text}; background: {c.field}; border: 1px solid {c.control_edge}; border-radius: {control}px;
    padding: 5px 11px; min-height: 18px; selection-background-color: {c.accent}; selection-color: {c.on_accent};
}}
QComboBox {{ combobox-popup: 0; }}
QAbstractSpinBox {{ padding: 3px 1px; }}
QComboBox:focus {{ border: 2px solid {c.accent}; padding: 4px 10px; }}
QAbstractSpinBox:focus {{ border: 2px solid {c.accent}; padding: 2px 0; }}
QComboBox:disabled, QAbstractSpinBox:disabled {{
    color: {c.muted}; background: {c.calm_soft}; border-color: {c.edge};
}}
QComboBox::drop-down {{ border: none; width: 18px; }}
QComboBox::down-arrow, QAbstractSpinBox::up-arrow, QAbstractSpinBox::down-arrow {{ image: none; width: 0; height: 0; }}
QComboBox QAbstractItemView {{
    color: {c.text}; background: {c.card}; border: 1px solid {c.control_edge}; padding: 4px; outline: none;
    selection-background-color: {c.accent_soft}; selection-color: {c.text};
}}
QComboBox QAbstractItemView::item {{ padding: 5px 7px; border-radius: 6px; }}
QComboBox QAbstractItemView::item:selected {{ color: {c.text}; background: {c.accent_soft}; }}
QAbstractSpinBox QLineEdit {{ background: transparent; border: none; padding: 0; min-height: 0; }}
QAbstractSpinBox::up-button, QAbstractSpinBox::down-button {{ border: none; background: transparent; width: 20px; }}

QListWidget {{
    color: {c.text}; background: {c.field}; border: 1px solid {c.control_edge}; border-radius: {control}px;
    padding: 4px;
}}
QListWidget:focus {{ border: 2px solid {c.accent}; padding: 3px; }}
QListWidget[sidebar="true"] {{ background: transparent; border: none; padding: 0; outline: none; }}
QListWidget::item {{ padding: 5px 8px; border-radius: 6px; }}
QListWidget::item:selected {{ color: {c.text}; background: {c.accent_soft}; }}

QPushButton[small="true"]:checked {{ color: {c.accent}; background: {c.accent_soft}; }}

QTableWidget {{
    color: {c.text}; background: {c.card}; border: 1px solid {c.edge}; border-radius: {control}px; outline: none;
}}
QTableWidget:focus {{ border: 2px solid {c.accent}; }}
QTableWidget::item {{ padding: 4px 8px; border-bottom: 1px solid {c.edge}; }}
QTableWidget::item:selected {{ color: {c.text}; background: {c.accent_soft}; }}
QHeaderView {{ background: transparent; border: none; }}
QHeaderView::section {{
    color: {c.muted}; background: transparent; border: none; border-bottom: 1px solid {c.edge}; padding: 5px 11px;
}}

QMenu {{ color: {c.text}; background: {c.card}; border: 1px solid {c.edge}; padding: 6px; }}
QMenu::item {{ padding: 7px 28px 7px 14px; border-radius: 6px; }}
QMenu::item:selected {{ background: {c.accent_soft}; color: {c.text}; }}
QMenu::item:disabled {{ color: {c.muted}; background: transparent; }}
QMenu::item:checked {{ color: {c.accent}; }}
QMenu::indicator {{ width: 14px; height: 14px; margin-left: 8px; }}
QMenu::separator {{ height: 1px; background: {c.edge}; margin: 6px 8px; }}

QToolTip {{ color: {c.text}; background: {c.card}; border: 1px solid {c.control_edge}; padding: 5px 8px; }}

QAbstractScrollArea::corner {{ background: transparent; border: none; }}
QScrollBar:horizontal {{ background: transparent; height: 10px; margin: 2px; }}
QScrollBar::handle:horizontal {{ background: {c.control_edge}; border-radius: 3px; min-width: 32px; }}
QScrollBar:vertical {{ background: transparent; width: 10px; margin: 2px; }}
QScrollBar::handle:vertical {{ background: {c.control_edge}; border-radius: 3px; min-height: 32px; }}
QScrollBar::add-line, QScrollBar::sub-line, QScrollBar::add-page, QScrollBar::sub-page {{
    background: transparent; height: 0; width: 0;
}}
"""


_PILL = 'QLabel[pill="{name}"] {{ color: {ink}; background: {ground}; border-radius: 9px; }}'


def style_sheet(colours: Colours) -> str:
    pills = "\n".join(
        _PILL.format(name=tone.value, ink=colours.ink(tone), ground=colours.ground(tone)) for tone in Tone
    )
    return _TEMPLATE.format(c=colours, card=RADIUS_CARD, control=RADIUS_CONTROL, pills=pills)
