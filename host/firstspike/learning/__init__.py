"""The host's side of learning: chooses images, their order and the settings, and saves the learnt weights."""

from .board_pupil import BoardPupil
from .checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from .course import Course, CoursePlan, Entry, learn_course
from .images import shifted, take
from .pupil import ModelPupil, Pupil
from .schedule import Schedule, parse_chances, parse_steps

__all__ = [
    "BoardPupil",
    "Checkpoint",
    "Course",
    "CoursePlan",
    "Entry",
    "ModelPupil",
    "Pupil",
    "Schedule",
    "learn_course",
    "parse_chances",
    "parse_steps",
    "read_checkpoint",
    "shifted",
    "take",
    "write_checkpoint",
]
