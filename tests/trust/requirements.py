"""The requirements of trust by their numbers: which input, which behaviour, and the tests that prove it.

`tests/contract/test_requirements.py` checks that each of these tests exists and runs. `python -m
tests.trust.requirements` writes the section of docs/trust.md; with numbers it prints their tests for pytest:
`pytest $(python -m tests.trust.requirements P42)`.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "trust.md"
TITLE = "## Requirements\n"
INTRO = """
Each line is an input, the behaviour that must follow, and the tests that prove it. In all of them a run passes only if
every source that it needs was read completely; the exit code is 0 for a pass, 1 for a broken promise and 2 for
undecided. `tests/trust/requirements.py` holds this list with the files of the tests.
"""


@dataclass(frozen=True)
class Requirement:
    """One behaviour, and the tests that prove it: `file::function`, the file below `tests/`."""

    sentence: str
    tests: tuple[str, ...]


def _proved(sentence: str, *tests: str) -> Requirement:
    return Requirement(sentence=sentence, tests=tests)


INJECTION = "trust/test_injection.py::test_injection__hostile_text_changes_no_structure_in_any_destination"
CELL = "e2e/test_fault_matrix.py::test_cell__a_fault_that_passes_changes_nothing_and_one_that_stays_is_never_decided"
LIE = "e2e/test_fault_matrix.py::test_cell__a_lie_is_found_out_or_changes_nothing"
REFUSAL = "e2e/test_fault_matrix.py::test_cell__a_refusal_is_never_decided"

REQUIREMENTS: dict[str, Requirement] = {
    # Console and outputs
    "P01": _proved(
        "An incident whose title is a runner command → the runner executes nothing, and the outputs stay.",
        "unit/actions/test_core.py::test_log__no_payload_is_a_command",
        INJECTION,
    ),
    "P02": _proved(
        "A title that holds the old command form in the middle of a log line → the runner executes nothing, on either "
        "stream.",
        "unit/actions/test_core.py::test_log__no_payload_is_a_command",
        "unit/actions/test_core.py::test_library_log__a_payload_in_a_library_s_record_is_no_command",
        "e2e/test_process.py::test_streams__hold_no_runner_command_but_ours_whatever_the_registry_says",
        "e2e/test_process.py::test_streams__hold_no_runner_command_but_ours_whatever_github_says",
    ),
    "P03": _proved(
        "A name with a line that stops command processing → annotations after it still arrive.",
        "unit/actions/test_core.py::test_annotation__later_ones_still_work_after_a_payload",
    ),
    "P04": _proved(
        "A value that imitates the end of its block and one more output → the output file holds the declared names.",
        "unit/actions/test_core.py::test_outputs__a_payload_stays_the_value_of_its_own_name",
        INJECTION,
    ),
    "P05": _proved(
        "A library raises with the text of a server → one line on the console, no traceback, exit 2.",
        "unit/actions/test_core.py::test_library_log__an_exception_is_one_line_without_its_traceback",
        "e2e/test_process.py::test_streams__hold_no_runner_command_but_ours_whatever_the_registry_says",
        "e2e/test_mistakes.py::test_crash__turns_the_check_red_without_what_it_was_about",
    ),
    "P06": _proved(
        "The process is killed after the harvest → the output file already says that the verdict is an error.",
        "e2e/test_process.py::test_killed__before_it_could_tell_reads_as_error",
    ),
    "P07": _proved(
        "The title of an annotation holds comma, colon and percent sign → each is escaped.",
        "unit/actions/test_core.py::test_escape__comma_colon_and_percent_in_a_title",
        "unit/actions/test_core.py::test_annotation__text_and_title_arrive_as_they_were_cleaned",
    ),
    # Markdown and checks
    "P08": _proved(
        "A model name of Markdown and a cell border → one cell with that text.",
        "unit/report/test_text.py::test_code__in_a_table_is_one_cell_of_literal_text",
        INJECTION,
    ),
    "P09": _proved(
        "A title that mentions a team → the team is not mentioned.",
        "unit/report/test_text.py::test_code__leaves_no_mark_that_markdown_or_github_reads",
        "e2e/test_pull_request.py::test_text_of_strangers__cannot_mention_or_inject_markup",
    ),
    "P10": _proved(
        "The title of a pull request is an image of another host → neither an image nor a link.",
        "unit/report/test_text.py::test_code__any_text_is_one_cell_of_itself_without_a_link_a_picture_or_a_tag",
        "e2e/test_pull_request.py::test_text_of_strangers__cannot_mention_or_inject_markup",
        INJECTION,
    ),
    "P11": _proved(
        "A title is an HTML comment or an element → its text is shown.",
        "unit/report/test_text.py::test_code__in_a_line_is_literal_text",
        "e2e/test_pull_request.py::test_text_of_strangers__cannot_mention_or_inject_markup",
    ),
    "P12": _proved(
        "Five thousand breaches → summary, check and each request stay below GitHub's limits, begin with the verdict "
        "and count the rest.",
        "unit/report/test_markdown.py"
        "::test_summary__of_five_thousand_breaches_is_short_begins_with_the_verdict_and_counts_the_rest",
        "unit/sinks/test_check_run.py"
        "::test_check__of_five_thousand_breaches_is_within_what_github_takes_and_begins_with_the_verdict",
        "unit/sinks/test_check_run.py::test_annotations__go_in_requests_of_fifty",
    ),
    "P13": _proved(
        "A run cannot decide → its check fails; it is never neutral or skipped.",
        "e2e/test_release_life.py::test_check__could_not_decide_is_a_failure_never_neutral",
    ),
    # HTML, CSV, pictures
    "P14": _proved(
        "A model name that is a script → inert text in a page with a content policy and without any address outside.",
        "unit/report/test_html.py::test_page__foreign_text_is_text",
        "unit/report/test_html.py::test_page__allows_its_own_style_and_script_by_hash_and_nothing_else",
        "unit/report/test_html.py::test_page__asks_nothing_of_any_network",
    ),
    "P15": _proved(
        "Data that ends a script element → the page has the same elements and the same code as with harmless data.",
        "unit/report/test_html.py::test_page__that_ends_a_script_in_its_data_adds_no_element_and_no_code",
    ),
    "P16": _proved(
        "A CSV cell that is a formula → an apostrophe before it; rows and columns read back as they were.",
        "unit/report/test_csv_files.py"
        "::test_csv__what_a_spreadsheet_would_run_gets_an_apostrophe_and_nothing_else_does",
        "unit/report/test_csv_files.py::test_csv__any_text_keeps_rows_and_columns_for_every_reader",
    ),
    "P17": _proved(
        "A CSV cell with line end, quote, comma or a leading tab → quoted, marked as text, and of the same shape.",
        "unit/report/test_csv_files.py::test_csv__a_payload_is_text_in_its_own_cell",
        "unit/report/test_csv_files.py::test_csv__any_text_keeps_rows_and_columns_for_every_reader",
    ),
    "P18": _proved(
        "A label that is broken mathematics → the chart is drawn; a chart that cannot be written is only a warning.",
        "unit/report/charts/test_flow.py::test_chart__markup_in_the_service_name_is_drawn_literally",
        "e2e/test_process.py::test_chart__of_a_service_that_is_broken_mathematics_is_drawn",
        "unit/report/test_files.py::test_write__a_file_that_fails_is_a_warning_and_the_others_are_written",
    ),
    # Slack and PagerDuty
    "P19": _proved(
        "A name that calls a whole channel → it arrives escaped, and nobody is called.",
        "e2e/test_alerts.py::test_injection__reaches_slack_and_pagerduty_inert",
        "unit/report/content/test_alert_text.py::test_fallback__is_escaped_too",
    ),
    "P20": _proved("A name in the form of a Slack link → it is not a link.", INJECTION),
    "P21": _proved(
        "Slack limits the rate for five seconds → one more try after them, then a warning; the exit code stays.",
        "e2e/test_alerts.py::test_slack__that_limits_the_rate_is_asked_once_more_not_before_it_says",
    ),
    "P22": _proved(
        "Slack does not know the channel → a warning with the cure; the exit code stays.",
        "e2e/test_alerts.py::test_slack__that_fails_is_a_warning_the_verdict_stands_and_nothing_counts_as_told",
    ),
    "P23": _proved(
        "One breach in ten runs → one message and one incident, and one resolve when it is mended.",
        "e2e/test_alerts.py::test_breach__is_one_alert_over_ten_runs_and_one_resolve_when_it_is_mended",
    ),
    "P24": _proved(
        "An alert of three thousand characters → PagerDuty gets at most 1,024, and a short key without any of them.",
        "unit/sinks/test_pagerduty_events.py"
        "::test_event__of_three_thousand_characters_is_cut_and_its_key_holds_none_of_them",
        "unit/sinks/test_pagerduty_events.py::test_key__is_a_digest_that_contains_no_text_from_outside",
    ),
    # Trust
    "P25": _proved(
        "A pull request of a fork → it is judged without secrets; nothing is sent, and no ledger is written.",
        "e2e/test_pull_request.py::test_fork__is_judged_by_its_stub_and_nothing_is_written",
        "e2e/test_pull_request.py::test_fork__models_without_a_registry_address_is_no_crash",
        "e2e/test_ledger.py::test_fork__neither_reads_nor_writes_a_ledger",
        "e2e/test_alerts.py::test_trust__only_a_trusted_run_tells",
    ),
    "P26": _proved(
        "A pull request removes a model from the stub → the stub of the base branch still gates, and the check names "
        "the change.",
        "e2e/test_pull_request.py::test_gate__a_pull_request_that_loosens_its_own_stub_stays_red",
        "unit/analysis/promise/test_merge_gate.py::test_gate__a_requirement_that_is_no_longer_named_still_gates",
    ),
    "P27": _proved(
        "A pull request loosens a pin or excuses itself → the stricter of both stubs holds.",
        "e2e/test_pull_request.py::test_gate__a_pull_request_that_loosens_its_own_stub_stays_red",
        "e2e/test_gate.py::test_waiver__of_the_proposal_itself_overrides_nothing",
    ),
    "P28": _proved(
        "A stub with an unknown or a repeated key → exit 1 at the gate, exit 2 at a deployed commit, with the line.",
        "e2e/test_pull_request.py::test_gate__an_invalid_stub_is_red_and_names_the_line",
        "e2e/test_release_life.py::test_stub__a_broken_one_is_unknown_and_names_file_line_and_rule",
        "unit/analysis/promise/test_model_stub.py::test_stub__names_line_and_rule",
    ),
    "P29": _proved(
        "An artifact of the right name by a run of a fork → it is ignored with a notice.",
        "e2e/test_ledger.py::test_trust__an_artifact_of_the_right_name_from_another_run_is_ignored",
    ),
    "P30": _proved(
        "An artifact of the right name by a pull request or a push to another branch → it is ignored.",
        "e2e/test_ledger.py::test_trust__an_artifact_of_the_right_name_from_another_run_is_ignored",
        "e2e/test_trust.py::test_ledger__is_believed_by_its_event_and_by_its_commit",
        "e2e/test_trust.py::test_ledger__of_a_feature_branch_is_not_believed_once_the_branch_is_merged",
        "e2e/test_trust.py::test_ledger__of_a_tag_is_not_proved_by_a_run_on_a_tag_with_the_name_of_the_branch",
        "e2e/test_ledger.py::test_flood__of_artifacts_of_the_same_name_costs_neither_the_ledger_nor_the_time",
    ),
    "P31": _proved(
        "A trusted ledger says that an obligation is met, and no source shows it → it is still open.",
        "e2e/test_ledger.py::test_status__that_a_ledger_claims_changes_nothing",
    ),
    "P32": _proved(
        "A ledger whose archive names a file outside its folder → nothing is written, and the ledger is ignored.",
        "e2e/test_ledger.py::test_hostile__content_is_as_no_ledger_with_a_notice",
    ),
    "P33": _proved(
        "A ledger whose archive unpacks to 1 GB → unpacking stops within 100 MB of memory, and the ledger is ignored.",
        "e2e/test_ledger.py::test_hostile__a_bomb_takes_little_memory",
        "e2e/test_ledger.py::test_hostile__content_is_as_no_ledger_with_a_notice",
    ),
    "P34": _proved(
        "A stub of nested brackets, of 50 MB, with NaN or with a key twice → it is refused in under a second, exit 2.",
        "e2e/test_release_life.py::test_stub__that_is_a_bomb_is_never_judged",
        "unit/analysis/promise/test_model_stub.py::test_stub__a_bomb_is_refused_in_under_a_second",
    ),
    "P35": _proved(
        "A path that leads out of the workspace → exit 2, and no byte of the file is shown.",
        "e2e/test_process.py::test_links__a_path_that_leads_out_of_the_workspace_is_refused",
        "unit/config/test_parsers.py::test_inside__a_path_outside_the_workspace_is_refused",
    ),
    "P36": _proved(
        "The workspace holds modules named like those that we import → none of them is imported.",
        "e2e/test_process.py::test_workspace__modules_in_it_are_never_imported",
    ),
    "P37": _proved(
        "The source of a model version is a pickle → it is never read, and MLflow's model loader is not imported.",
        "unit/sources/test_mlflow_registry.py::test_model__is_never_fetched_nor_loaded",
        "unit/sources/test_drift_samples.py::test_reading__a_reference_loads_no_model_and_imports_nothing_that_could",
    ),
    "P38": _proved(
        "A download is redirected to another host → an unknown host is refused, and only the API gets the token.",
        "e2e/test_ledger.py::test_download__from_a_strange_host_is_refused",
        "e2e/test_ledger.py::test_download__the_token_goes_to_the_api_only",
    ),
    "P39": _proved(
        "A registry address that is not one, or that holds a password → exit 2 with the input; plain http to another "
        "host → a warning, and exit 2 where credentials would travel, unless an input allows it.",
        "unit/config/test_settings.py::test_settings__a_registry_that_cannot_be_one_is_refused_naming_the_input",
        "unit/sources/test_mlflow_registry.py::test_no_uri__is_an_error_that_names_the_input",
        "unit/config/test_settings.py::test_settings__credentials_in_the_tracking_uri_are_refused_and_not_echoed",
        "unit/config/test_settings.py::test_settings__credentials_do_not_travel_over_plain_http",
        "unit/config/test_parsers.py::test_tracking_uri__anything_else_is_refused_naming_what_it_can_be",
        "e2e/test_secrets.py::test_secrets__as_an_input_of_the_wrong_place_are_not_echoed",
        "e2e/test_secrets.py"
        "::test_http_registry__away_from_this_machine_is_warned_of_and_of_credentials_that_travel_readable",
    ),
    "P40": _proved(
        "A server repeats a credential in its refusal, also in base64 → it is hidden wherever it would be shown.",
        "e2e/test_secrets.py::test_secrets__that_github_echoes_in_its_refusal_are_redacted_everywhere",
        "e2e/test_secrets.py::test_secrets__that_the_registry_echoes_in_its_refusal_are_redacted_everywhere",
        "unit/actions/test_redaction.py::test_redactor__hides_a_credential_in_each_encoding",
    ),
    "P41": _proved(
        "The repository is public → titles of incidents are in no file, log or summary unless an input asks for them.",
        "e2e/test_process.py::test_titles__of_incidents_stay_out_of_public_repositories",
        "e2e/test_incidents.py::test_privacy__titles_of_every_source_stay_out_of_a_public_repository",
        "e2e/test_ledger.py::test_privacy__no_incident_text_of_a_public_repository_is_uploaded",
    ),
    "P42": _proved(
        "A pattern that would make a regular expression backtrack for ever → it is a glob, matched in under 100 ms.",
        "unit/domain/test_name_patterns.py"
        "::test_match__of_a_pattern_that_would_backtrack_for_ever_takes_under_a_tenth_of_a_second",
    ),
    # Faults
    "P43": _proved(
        "One 502 on any request → the same outputs as without it.",
        CELL,
        "e2e/test_fault_matrix.py::test_whole_run__is_the_same_with_one_fault_that_passes",
    ),
    "P44": _proved(
        "Deployments answer 503 for ever → exit 2 within the time of the run.",
        "e2e/test_whole_run.py::test_github__that_answers_nothing_is_never_read_as_no_deployments",
        "e2e/test_whole_run.py::test_budget__ends_a_run_whose_services_are_silent",
    ),
    "P45": _proved(
        "GitHub asks for a pause of two seconds → it is kept; for one of an hour → exit 2 at once with the time.",
        "unit/clients/test_github.py::test_retry_after__a_short_one_is_waited_for_and_then_the_answer_comes",
        "unit/clients/test_github.py::test_retry_after__a_long_one_is_refused_at_once_saying_when",
        "e2e/test_whole_run.py::test_github__that_answers_nothing_is_never_read_as_no_deployments",
    ),
    "P46": _proved(
        "Credentials are refused on the second page → no further try, no part of the list is used, exit 2.",
        "unit/clients/test_github.py::test_github__401_in_the_middle_of_paging_is_final",
        REFUSAL,
    ),
    "P47": _proved(
        'The list of runs is answered with an empty body → undecided, and not "no deployments".',
        CELL,
        "e2e/test_whole_run.py::test_github__with_an_empty_body_ends_in_time_in_a_process_of_its_own",
    ),
    "P48": _proved(
        "MLflow answers with an empty object → undecided, unless a well-formed second answer proves it.",
        CELL,
        LIE,
        "unit/sources/test_mlflow_registry.py::test_no_versions__is_believed_of_a_model_that_the_registry_knows",
    ),
    "P49": _proved("The second page is cut in half → it is asked for again; if it stays so, undecided.", CELL),
    "P50": _proved(
        "A server sends one byte after the other → the request ends at its deadline.",
        "e2e/test_fault_matrix.py::test_drip__ends_at_the_requests_deadline",
        "unit/clients/test_transport.py::test_call__a_server_that_stalls_or_drips_is_left_at_the_request_deadline",
    ),
    "P51": _proved(
        "A run or a deployment appears between two pages → none is lost, and none counts twice.",
        "unit/sources/test_github_workflow_runs.py::test_paging__a_run_that_appears_meanwhile_doubles_and_loses_none",
        "unit/sources/test_github_deployments.py"
        "::test_paging__a_deployment_that_appears_meanwhile_doubles_and_loses_none",
    ),
    "P52": _proved(
        "1,500 runs in the window → all are found, because the window is split.",
        "unit/sources/test_github_workflow_runs.py::test_pages__1500_runs_are_all_found_by_splitting_the_window",
    ),
    "P53": _proved(
        "Two runs at the same time → the same verdict, one alert, and two ledgers that the next run merges.",
        "e2e/test_process.py::test_at_once__two_runs_say_the_same_send_one_alert_and_leave_two_ledgers_that_merge",
        "e2e/test_alerts.py::test_at_once__two_runs_raise_one_message",
        "e2e/test_ledger.py::test_union__what_two_runs_at_once_saw_is_known_to_the_third",
    ),
    "P54": _proved(
        "A second attempt of a run → the check is updated, and there is only one.",
        "unit/sinks/test_check_run.py::test_check__of_an_earlier_attempt_is_updated_and_not_doubled",
        "e2e/test_release_life.py::test_check__a_rerun_updates_and_never_doubles",
    ),
    "P55": _proved(
        "SIGTERM during the harvest → exit 143 within five seconds, a cancelled check, and no ledger.",
        "e2e/test_process.py::test_cancelled__ends_though_every_service_is_silent_and_publishes_no_ledger",
        "e2e/test_mistakes.py::test_cancelled__closes_the_check_as_cancelled",
    ),
    "P56": _proved(
        "The ledger is missing or damaged → the verdict of an empty ledger, with a warning; every ledger is of a newer "
        "schema → undecided, because what only they know may be overdue.",
        "e2e/test_ledger.py::test_hostile__content_is_as_no_ledger_with_a_notice",
        "e2e/test_ledger.py::test_newer_schema__is_neither_read_nor_buried",
        "e2e/test_ledger.py::test_newer_schema__does_not_hide_what_an_older_ledger_knows",
        "e2e/test_ledger.py::test_download__that_fails_is_as_no_ledger",
    ),
    "P57": _proved(
        "A model ships 48 hours after its code → met; one second later → late, and red on its commit; also where the "
        "clocks change.",
        "e2e/test_whole_run.py::test_deadline__is_48_hours_to_the_second",
        "e2e/test_release_life.py::test_release__shipped_late_stays_red_on_its_own_commit_and_fails_no_later_run",
        "unit/analysis/promise/test_obligations.py::test_promise__48_hours_are_elapsed_time_across_both_dst_changes",
    ),
    "P58": _proved(
        "A timestamp without an offset, of 1970, of the year 9999 or in the wrong unit → undecided, naming the record.",
        "e2e/test_what_counts.py::test_time__of_a_ship_that_cannot_be_is_never_judged_and_names_the_version",
        "e2e/test_what_counts.py::test_time__of_a_deployment_that_cannot_be_is_never_judged_and_names_it",
        "unit/sources/test_mlflow_registry.py::test_tag__a_wrong_time_is_refused_naming_model_and_version",
        "unit/sources/test_github_workflow_runs.py::test_stamp__a_wrong_one_stops_the_source_and_names_the_run",
    ),
    "P59": _proved(
        "The events come shuffled and repeated → the same bytes in every file.",
        "e2e/test_seed_weeks.py::test_order__shuffled_and_repeated_answers_give_the_same_bytes",
        "e2e/test_seed_weeks.py::test_order__shuffled_and_repeated_files_give_the_same_bytes",
    ),
    "P60": _proved(
        "The disk is full → a warning, and the verdict stays; the output file cannot be written → exit 2.",
        "e2e/test_process.py::test_report__a_full_disk_is_a_warning_and_the_verdict_stands",
        "e2e/test_process.py::test_output__that_cannot_be_written_is_exit_2_whatever_the_verdict",
        "e2e/test_process.py::test_output__that_cannot_be_written_at_the_end_is_exit_2",
    ),
    "P61": _proved(
        "A pull request of 101 files with a rename on the first page → the gate sees the flag file on the second.",
        "e2e/test_gate.py::test_files__behind_a_rename_on_the_first_page_are_seen",
    ),
    "P62": _proved(
        "The payload of `workflow_run` does not say whose commit it is about → exit 2; of a pull request → its gate is "
        "judged.",
        "e2e/test_gate.py::test_payload__that_hides_whose_code_it_is_exits_2",
        "e2e/test_gate.py::test_workflow_run__of_a_fork_is_judged_by_its_stub_and_writes_nothing",
        "e2e/test_gate.py::test_workflow_run__of_a_deleted_fork_is_judged",
        "e2e/test_gate_refusals.py::test_workflow_run__is_green_only_if_every_open_pull_request_of_its_head_is",
    ),
    "P63": _proved(
        "A listed run or deployment without repository, branch or commit → exit 2; a pull request of a deleted fork "
        "does not count.",
        "e2e/test_what_counts.py::test_run__that_hides_whose_it_is_decides_nothing",
        "e2e/test_what_counts.py::test_deployment__without_a_commit_decides_nothing",
        "unit/sources/test_github_workflow_runs.py::test_ours__a_pull_request_whose_fork_was_deleted_is_ignored",
    ),
    "P64": _proved(
        "A trusted ledger with another stub, without an open breach, or with a version that was never registered → the "
        "verdict of a run without it.",
        "e2e/test_ledger.py::test_p64__a_stub_that_only_the_ledger_knows_changes_nothing",
        "e2e/test_ledger.py::test_p64__a_ledger_that_lacks_an_open_breach_changes_nothing",
        "e2e/test_ledger.py::test_p64__a_version_that_nobody_registered_closes_nothing",
        "unit/ledger/test_memory.py::test_p64__whatever_a_ledger_claims_makes_no_verdict_milder",
    ),
    "P65": _proved(
        "A deployment that failed long ago succeeds behind a hundred newer ones → its clock starts, with and without a "
        "ledger.",
        "e2e/test_ledger.py::test_p65__what_failed_long_ago_and_succeeds_behind_a_hundred_newer_ones_opens_its_clock",
        "unit/sources/test_github_deployments.py"
        "::test_p65__one_that_had_failed_and_succeeds_behind_many_newer_ones_is_an_event",
        "unit/sources/test_github_deployments.py::test_moved__a_deployment_is_looked_for_behind_newer_ones",
    ),
    "P66": _proved(
        "A deployment is deleted, a tag moved, a model made again or renamed → a breach stays one.",
        "e2e/test_ledger.py::test_p66__a_deployment_that_is_deleted_keeps_the_clock_that_it_opened",
        "e2e/test_ledger.py::test_p66__a_release_whose_tag_is_moved_keeps_the_clock_of_the_commit_that_went_live",
        "e2e/test_ledger.py::test_p66__a_model_that_is_deleted_and_made_again_of_the_same_content_heals_no_breach",
        "e2e/test_ledger.py::test_p66__a_model_that_is_renamed_heals_no_breach",
        "e2e/test_evidence.py::test_own_job__a_step_in_the_job_that_deploys_is_refused_and_its_failure_does_not_hide_the_release",
        "e2e/test_evidence.py::test_runs__a_red_last_job_hides_no_release_whatever_it_is_called",
        "e2e/test_evidence.py::test_runs__a_release_that_waits_for_a_reviewer_in_its_second_region_is_not_forgotten",
        "e2e/test_evidence.py::test_runs__a_hotfix_from_another_branch_opens_its_clock",
        "e2e/test_hidden_releases.py::test_settled__a_deployment_that_flowjoy_hid_stays_breached_after_a_release_that_owes_nothing",
        "e2e/test_hidden_releases.py::test_settled__an_uncertain_run_is_not_forgotten_after_a_release_that_owes_nothing",
        "e2e/test_hidden_releases.py::test_settled__a_hotfix_stays_breached_after_a_release_that_owes_nothing",
        "e2e/test_hidden_releases.py::test_other_branch__that_may_have_deployed_is_undecided_once_its_clock_is_over",
        "e2e/test_evidence.py::test_not_yet__a_commit_that_a_moved_tag_put_live_counts_from_the_last_run_that_saw_another",
        "e2e/test_evidence.py::test_rare_runs__a_release_that_no_run_saw_go_live_is_broken_only_once_that_is_certain",
        "e2e/test_evidence.py::test_rare_runs__a_rollback_that_no_run_saw_in_time_is_not_taken_for_one_in_time",
        "e2e/test_evidence.py::test_not_yet__a_stamp_that_is_written_afterwards_does_not_heal_a_breach",
        "e2e/test_evidence.py::test_not_yet__a_version_that_was_not_ready_at_the_deadline_ships_late",
        "e2e/test_evidence.py"
        "::test_not_yet__a_version_of_another_model_that_takes_the_name_ships_after_the_last_run_without_it",
        "e2e/test_evidence.py::test_not_yet__a_registered_version_that_is_stamped_afterwards_ships_late",
        "e2e/test_evidence.py::test_not_yet__a_stamp_that_is_moved_to_an_earlier_time_heals_no_late_ship",
        "e2e/test_evidence.py::test_signal__one_that_changes_after_a_breach_makes_no_version_new_that_was_live_before",
        "e2e/test_evidence.py::test_rare_runs__a_version_that_no_run_saw_ship_around_the_deadline_is_undetermined",
        "e2e/test_ledger.py::test_inputs__a_later_deployment_of_the_same_commit_does_not_replace_a_breach",
        "e2e/test_ledger.py::test_file__a_row_that_goes_or_moves_ends_no_breach",
        "e2e/test_ledger.py::test_file__a_rollback_that_is_written_afterwards_cancels_no_breach",
        "e2e/test_ledger.py::test_file__a_ship_that_is_written_afterwards_counts_from_the_last_reading",
        "e2e/test_ledger.py::test_service__under_a_new_name_still_owes_what_was_overdue",
        "e2e/test_ledger.py::test_registry__the_content_of_a_version_is_not_new_in_another_one",
        "e2e/test_ledger.py::test_inputs__that_change_end_no_breach",
        "e2e/test_ledger.py::test_memory__a_version_that_was_deleted_between_the_last_run_and_a_release_closes_nothing_of_it",
        "e2e/test_evidence.py::test_live__a_breach_is_not_healed_by_losing_the_model",
        "e2e/test_evidence.py::test_live__a_breach_of_a_replaced_release_is_not_healed_by_deleting_its_model",
        "e2e/test_evidence.py::test_live__a_release_that_cannot_be_judged_is_undecided_whatever_its_age_and_the_window",
    ),
    "P67": _proved(
        "A version that shipped is stamped again, or its content is registered again → that is not a ship.",
        "e2e/test_new_versions.py::test_stamp__of_the_live_version_written_anew_is_no_new_model",
        "e2e/test_release_life.py::test_ship__of_a_version_that_shipped_before_is_no_new_model",
        "e2e/test_new_versions.py::test_version__is_new_where_its_content_never_shipped",
    ),
    "P68": _proved(
        "A wrong input, a `ship` that fails, or a crash → the check of the commit fails.",
        "e2e/test_mistakes.py::test_input__that_is_wrong_turns_the_green_check_red_and_names_every_mistake",
        "e2e/test_mistakes.py::test_ship__that_fails_turns_the_check_red",
        "e2e/test_mistakes.py::test_crash__turns_the_check_red_without_what_it_was_about",
    ),
    "P69": _proved(
        "The clock of the runner, of GitHub or of the registry is an hour off → exit 2.",
        "e2e/test_clocks.py::test_clocks__over_an_hour_apart_could_not_decide",
    ),
    "P70": _proved(
        "A pull request edits its own workflow to be judged more mildly → the terms of the default branch hold.",
        "e2e/test_gate.py::test_terms__of_a_pull_request_are_not_milder_than_the_default_branchs",
        "e2e/test_gate.py::test_terms__of_the_promise_are_not_milder_either",
        "e2e/test_gate_terms.py::test_terms__of_the_base_branchs_workflow_files_apply_with_and_without_a_ledger",
        "e2e/test_gate_terms.py::test_check_name__of_another_service_is_refused",
        "e2e/test_gate_refusals.py::test_refusal__is_not_ended_by_another_service_of_the_same_check_name",
    ),
    "P71": _proved(
        "A credential, of any provider that the documents name, is cut in the middle → no eight characters are shown.",
        "unit/actions/test_redaction.py::test_redactor__hides_a_piece_that_a_cut_has_left",
        "unit/actions/test_redaction.py::test_variables__each_credential_is_hidden_and_named_in_the_reference",
        "e2e/test_secrets.py::test_secrets__that_a_cut_parts_leave_no_piece",
    ),
    "P72": _proved(
        "A stub of 14,000 models, or 2,000 stubs of four pins → computed in a fraction of the time of a run; a run "
        "that computes for too long is undecided.",
        "unit/analysis/test_growth.py::test_find__judges_each_of_fourteen_thousand_models",
        "unit/analysis/test_growth.py::test_find__judges_each_pin_of_two_thousand_stubs",
        "e2e/test_whole_run.py::test_budget__counts_computing_and_what_is_late_says_nothing_more",
    ),
    "P73": _proved(
        "An answer that unpacks to, or is, more than a gigabyte → it is refused at 32 MiB, and memory stays small.",
        "unit/clients/test_size_limit.py::test_bound__a_small_answer_that_unpacks_to_a_huge_one_is_refused",
        "unit/clients/test_size_limit.py::test_bound__a_huge_plain_answer_is_refused",
    ),
    "P74": _proved(
        "A CSV cell with a formula behind a semicolon, or in full-width signs → it is marked as text.",
        "unit/report/test_csv_files.py"
        "::test_csv__what_a_spreadsheet_would_run_gets_an_apostrophe_and_nothing_else_does",
    ),
}


def _name(test: str) -> str:
    return test.partition("::")[2]


def section() -> str:
    """Return the last section of docs/trust.md."""
    lines = [
        f"- **{number}** {item.sentence} Tests: {', '.join(f'`{_name(test)}`' for test in item.tests)}."
        for number, item in sorted(REQUIREMENTS.items())
    ]
    return "\n".join([TITLE + INTRO, *lines, ""])


def main(numbers: list[str]) -> None:
    """Print the tests of the numbers, or write the section where none is given."""
    for number in numbers:
        print(*(f"tests/{test}" for test in REQUIREMENTS[number].tests), sep="\n")
    if not numbers:
        PAGE.write_text(PAGE.read_text().partition(TITLE)[0].rstrip("\n") + "\n\n" + section())


if __name__ == "__main__":
    main(sys.argv[1:])
