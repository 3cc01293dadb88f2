"""A test of the tests: a unit of the link with a planted fault does not pass the tests of that unit."""

import gc

import pytest
import test_board_session
import test_buffers
import test_bus
import test_cobs
import test_dispatcher
import test_frame_receiver
import test_frame_sender
import test_guard
import test_registers
import test_reporter
import test_sending
import test_uart
from faults import LINK_FAULTS, planted

# For each fault, the test that must not pass, with its arguments.
CAUGHT_BY = {
    "start bit not checked": (test_uart.test_noise_is_heard_as_the_model_hears_it, 4),
    "bits of a byte the other way round": (test_uart.test_every_byte_is_heard_back_to_back, 5),
    "zero behind a full group": (test_cobs.test_frames_are_decoded_and_damage_is_seen, 0),
    "groups too long": (test_cobs.test_frames_are_encoded, 0.0, 0.7),
    "encoder runs over": (test_cobs.test_a_slow_line_holds_the_encoder_back_and_loses_nothing,),
    "frame taken without its CRC": (test_frame_receiver.test_good_frames_are_told_from_bad_ones, 0),
    "broken code taken": (test_frame_receiver.test_good_frames_are_told_from_bad_ones, 0),
    "length not checked": (test_frame_receiver.test_good_frames_are_told_from_bad_ones, 0),
    "any hello will do": (test_frame_receiver.test_hellos_are_read,),
    "payload visible before it is judged": (test_buffers.test_a_long_stream_runs_around_the_ring, 0.5),
    "payload forgotten by halves": (test_buffers.test_only_what_is_committed_and_fits_is_part_of_the_stream,),
    "unread bytes overwritten": (test_buffers.test_only_what_is_committed_and_fits_is_part_of_the_stream,),
    "more room than there is": (test_buffers.test_room_is_the_part_that_is_no_longer_needed,),
    "record not dropped": (test_buffers.test_records_are_committed_whole, 0),
    "sequence off by one": (test_board_session.test_frames_are_judged_as_the_model_judges_them, 0),
    "bytes that come too early are taken": (test_board_session.test_frames_are_judged_as_the_model_judges_them, 0),
    "payload taken without room": (test_board_session.test_frames_are_judged_as_the_model_judges_them, 3),
    "anybody's frames are heard": (test_board_session.test_frames_are_judged_as_the_model_judges_them, 0),
    "a session opens twice": (test_board_session.test_the_session_is_opened_once_for_a_nonce_and_anew_for_another,),
    "every gap is asked for again and again": (test_board_session.test_frames_are_judged_as_the_model_judges_them, 0),
    "room is not told of": (test_board_session.test_frames_are_judged_as_the_model_judges_them, 0),
    "sent again from the wrong byte": (test_sending.test_numbers_are_those_of_the_model, 0),
    "any acknowledgement is believed": (test_sending.test_numbers_are_those_of_the_model, 0),
    "sent beyond the window": (test_sending.test_numbers_are_those_of_the_model, 0),
    "never overdue": (test_sending.test_without_an_acknowledgement_it_waits_twice_as_long_each_time,),
    "acknowledgement not told": (test_frame_sender.test_payloads_of_every_length_come_out_of_the_ring, 2, 0.0),
    "payload one byte late": (test_frame_sender.test_payloads_of_every_length_come_out_of_the_ring, 2, 0.0),
    "write given up": (test_bus.test_every_access_is_made_once_and_answered, 0.7),
    "core not reset": (test_bus.test_a_restart_resets_the_core_and_leaves_it_running_or_not, 1),
    "halted by a new session": (test_bus.test_a_restart_resets_the_core_and_leaves_it_running_or_not, 1),
    "tag stands still": (test_dispatcher.test_messages_do_what_the_model_says, 6, 0.0),
    "last bytes of a bitmap missing": (test_dispatcher.test_messages_do_what_the_model_says, 6, 0.0),
    "images in any state": (test_dispatcher.test_images_are_taken_in_valid_only, 1),
    "refused out of turn": (test_dispatcher.test_an_image_refused_is_answered_after_those_before_it,),
    "record seen by halves": (test_reporter.test_records_of_a_free_ring_are_those_of_the_model, 0.5),
    "spikes without room": (test_reporter.test_spikes_stay_with_their_image_whatever_the_room,),
    "spikes of the next image": (test_reporter.test_spikes_of_an_image_wait_for_the_result_of_the_one_before,),
    "guard forgets what changes": (test_guard.test_halted_is_valid_and_not_running,),
    "guard without a CRC": (test_guard.test_a_wrong_crc_is_damaged_and_a_refused_write_incomplete,),
    "guard forgets refusals": (test_guard.test_a_wrong_crc_is_damaged_and_a_refused_write_incomplete,),
    "watchdog sleeps": (test_registers.test_the_watchdog_counts_cycles_in_which_an_answer_could_be_sent, 0, 5),
    "watchdog impatient": (test_registers.test_the_watchdog_counts_cycles_in_which_an_answer_could_be_sent, 0, 40),
    "event lost": (test_registers.test_every_event_is_counted_once,),
    "register shows another": (test_registers.test_every_register_reads_as_the_model_says,),
}


def test_every_fault_has_its_test() -> None:
    assert CAUGHT_BY.keys() == LINK_FAULTS.keys()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # a simulation is broken off
@pytest.mark.parametrize("fault", CAUGHT_BY)
def test_a_planted_fault_is_caught(fault) -> None:
    test, *arguments = CAUGHT_BY[fault]
    with planted(LINK_FAULTS[fault]):
        try:
            test(*arguments)
        except (AssertionError, IndexError, ValueError):
            return
        finally:
            gc.collect()  # ends simulations that were broken off; they would otherwise end during another test
    raise AssertionError(f"{test.__name__} does not notice the fault: {fault}")
