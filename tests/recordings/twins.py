# ruff: noqa: E501  (the name of a test stands in one piece, so that a search finds it)
"""For every test that reads the recordings: which tests prove the same without them, or why none does.

Anybody can run the twins: they read our own samples, or data made by hand. A tuple holds twins, each written as pytest
writes it; together they prove what the test proves. A text says why there are none.
"""

from __future__ import annotations

TWINS: dict[str, dict[str, tuple[str, ...] | str]] = {
    "comments/test_exports.py": {
        "test_every_row_of_every_export_is_kept_merged_or_quarantined": (
            "tests/sources/comments/test_sample.py::test_after_some_days_the_tables_are_what_is_true_of_the_world",
        ),
        "test_a_second_scrape_of_the_same_post_is_one_row_a_comment": (
            "tests/sources/comments/test_runs.py::test_a_second_scrape_brings_newest_counts_and_new_names_and_no_second_row",
            "tests/sources/comments/test_runs.py::test_what_one_run_makes_of_two_scrapes_two_runs_make_too",
        ),
        "test_of_the_three_readers_python_s_own_tells_lines_and_goes_on_behind_damage": (
            "tests/sources/comments/test_runs.py::test_a_damaged_row_takes_no_neighbour_with_it",
        ),
    },
    "clinical/test_names.py": {
        "test_labelled_names_have_the_documented_precision_and_recall": "It measures precision and recall on names that people labelled; names of our own making would only measure how they were made.",
        "test_the_documented_share_of_labelled_names_is_asked_for": "It counts how many of the labelled names are asked for; what becomes of a single name is tested in tests/sources/pubchem/test_lookup.py.",
        "test_names_that_were_read_one_by_one_have_the_documented_precision_and_recall": (
            "tests/sources/pubchem/test_labelled.py::test_own_labelled_names_have_the_documented_precision_and_recall",
        ),
        "test_links_of_the_recorded_studies_have_the_documented_precision_and_recall": "It measures precision and recall against the terms that the National Library of Medicine gave real studies, which no sample has.",
        "test_no_protein_or_class_of_the_recorded_studies_is_asked_for": (
            "tests/sources/pubchem/test_lookup.py::test_what_cannot_be_one_compound_is_not_asked_for",
        ),
    },
    "clinical/test_publish.py": {
        "test_everything_about_a_study_is_what_was_recorded": (
            "tests/sources/clinical/test_build.py::test_every_column_is_what_study_and_compound_say",
            "tests/sources/clinical/test_build.py::test_names_and_titles_fall_back",
        ),
        "test_every_link_of_pubchem_is_a_row_and_only_links_and_names_are": (
            "tests/sources/clinical/test_build.py::test_compounds_and_studies_are_linked_as_the_samples_say",
        ),
        "test_an_ambiguous_name_is_mapped_only_where_pubchem_links_one_of_its_compounds": (
            "tests/sources/clinical/test_build.py::test_every_drug_has_its_candidates_and_the_rule_that_chose_or_why_none_did",
            "tests/sources/clinical/test_resolve.py::test_of_several_compounds_the_one_that_pubchem_links_with_the_trial_is_chosen",
            "tests/sources/clinical/test_resolve.py::test_other_names_that_leave_several_substances_are_ambiguous",
        ),
        "test_a_row_under_an_old_id_of_a_study_is_the_study": (
            "tests/sources/clinical/test_build.py::test_trials_that_pubchem_lists_by_a_former_id_are_linked_with_the_study_of_today",
            "tests/sources/clinical/test_build.py::test_a_link_by_the_former_and_by_the_present_id_is_one_row",
        ),
        "test_links_to_studies_that_are_not_there_are_counted_and_left_out": (
            "tests/sources/clinical/test_build.py::test_links_with_studies_that_ctgov_lacks_are_left_out_and_counted",
        ),
        "test_the_manifest_names_the_versions_it_was_built_from": (
            "tests/sources/clinical/test_build.py::test_the_manifest_and_the_cursor_name_the_versions_it_was_built_from",
            "tests/sources/clinical/test_build.py::test_it_is_built_again_whenever_an_input_has_another_version_and_only_then",
        ),
        "test_readers_of_sql_see_the_same_rows": (
            "tests/publishing/test_promotion.py::test_a_promoted_candidate_is_latest_for_sql_readers_file_readers_and_the_registry",
            "tests/publishing/test_serving.py::test_every_type_arrives_as_it_is_by_copy_and_by_change_list",
        ),
        "test_a_pubchem_that_knows_none_of_the_names_that_it_knew_is_out": (
            "tests/sources/pubchem/test_absence.py::test_names_that_are_all_not_found_are_an_outage",
        ),
        "test_a_link_that_pubchem_withdraws_is_gone_with_the_next_versions": (
            "tests/sources/clinical/test_build.py::test_a_link_that_pubchem_withdrew_is_gone_with_the_next_version",
            "tests/sources/pubchem/test_publish.py::test_what_pubchem_deletes_is_gone_after_a_round",
        ),
    },
    "comments/test_shape.py": {
        "test_the_header_is_the_recorded_one": (
            "tests/sandbox/comments/test_formats.py::test_esuit",
            "tests/sandbox/comments/test_formats.py::test_apify_raw_has_every_number_of_columns",
            "tests/sandbox/comments/test_formats.py::test_apify_posts_narrow_and_wide",
            "tests/sandbox/comments/test_formats.py::test_apify_metadata_tells_counts_and_days_as_people_read_them",
            "tests/sandbox/comments/test_formats.py::test_youtube_comments_have_no_ids",
        ),
        "test_marks_quotes_and_ends_of_lines_are_the_recorded_ones": (
            "tests/sandbox/comments/test_formats.py::test_every_format_has_its_quotes_and_ends_of_lines",
            "tests/sandbox/comments/test_formats.py::test_youtube_videos_end_early_where_figures_are_hidden",
        ),
        "test_the_preamble_is_made_of_the_same_lines": (
            "tests/sandbox/comments/test_formats.py::test_raw_below_a_preamble_has_the_exact_media_id",
            "tests/sandbox/comments/test_formats.py::test_esuit_below_a_preamble",
        ),
        "test_cells_hold_what_the_recorded_ones_hold": (
            "tests/sandbox/comments/test_formats.py::test_apify_raw_drifts_and_rounds_media_ids",
            "tests/sandbox/comments/test_formats.py::test_apify_posts_narrow_and_wide",
        ),
        "test_recorded_media_ids_are_rounded_as_the_sample_rounds_them": (
            "tests/sandbox/comments/test_ids.py::test_a_number_that_went_through_a_float_ends_in_zeros",
        ),
        "test_recorded_short_codes_are_the_recorded_ids": (
            "tests/sandbox/comments/test_ids.py::test_a_short_code_is_the_media_id_in_another_alphabet",
        ),
    },
    "comments/test_quality.py": {
        "test_the_labels_are_of_texts_in_the_recordings": "It compares the labels with the hashes of recorded texts, which no sample has.",
        "test_labelled_comments_have_the_documented_figures": (
            "tests/sources/comments/enrich/test_quality.py::test_own_labelled_texts_have_the_documented_figures",
        ),
        "test_names_in_comments_that_were_drawn_when_the_catalogue_was_done_have_the_documented_figures": (
            "tests/sources/comments/enrich/test_quality.py::test_own_labelled_texts_have_the_documented_figures",
            "tests/sources/comments/enrich/test_quality.py::test_entities_of_own_texts_keep_their_floors",
        ),
        "test_comments_in_languages_that_are_hard_to_tell_have_the_documented_figures": (
            "tests/sources/comments/enrich/test_quality.py::test_languages_of_own_texts_keep_their_floors",
            "tests/sources/comments/enrich/test_language.py::test_the_language_is_told_by_the_words_alone",
        ),
        "test_entities_of_the_held_out_half_keep_their_floors": (
            "tests/sources/comments/enrich/test_quality.py::test_entities_of_own_texts_keep_their_floors",
        ),
        "test_sentiment_of_the_held_out_half_is_well_above_both_baselines": (
            "tests/sources/comments/enrich/test_quality.py::test_sentiment_of_own_texts_is_well_above_both_baselines",
        ),
        "test_english_of_the_held_out_half_is_scored": (
            "tests/sources/comments/enrich/test_quality.py::test_languages_of_own_texts_keep_their_floors",
        ),
    },
    "ctgov/test_publish.py": {
        "test_the_published_tables_hold_every_recorded_study_with_its_values": (
            "tests/sources/ctgov/test_build.py::test_a_first_run_publishes_every_study",
            "tests/sources/ctgov/test_build.py::test_a_first_run_publishes_what_every_study_says",
        ),
    },
    "ctgov/test_redaction.py": {
        "test_the_labels_are_those_of_the_recordings": "It binds the labels to the texts of the recordings, which nothing else holds.",
        "test_without_a_contact_only_individual_sponsors_are_hidden": (
            "tests/sources/ctgov/test_privacy.py::test_words_alone_make_no_person",
            "tests/sources/ctgov/test_people.py::test_sponsor_in_person_is_one_where_nobody_else_is_the_investigator",
        ),
        "test_a_practice_is_hidden_once_its_doctor_is_a_contact_and_few_institutions_are": (
            "tests/sources/ctgov/test_privacy.py::test_a_practice_is_hidden_where_its_doctor_is_named",
            "tests/sources/ctgov/test_privacy.py::test_places_companies_products_and_diseases_keep_the_words_of_a_name",
        ),
    },
    "ctgov/test_studies.py": {
        "test_column_of_studies_holds_what_was_recorded": (
            "tests/sources/ctgov/test_study.py::test_every_column_of_a_full_record",
            "tests/sources/ctgov/test_study.py::test_everything_but_the_id_can_be_absent",
            "tests/sources/ctgov/test_study.py::test_age_in_years_beside_its_text",
        ),
        "test_children_hold_what_was_recorded": (
            "tests/sources/ctgov/test_study.py::test_every_column_of_a_full_record",
        ),
        "test_interventions_hold_what_was_recorded": (
            "tests/sources/ctgov/test_study.py::test_every_column_of_a_full_record",
            "tests/sources/ctgov/test_study.py::test_intervention_is_a_control_where_only_control_arms_get_it",
        ),
        "test_only_sponsors_that_are_persons_were_hidden": (
            "tests/sources/ctgov/test_build.py::test_no_person_whom_a_study_names_reaches_any_table",
            "tests/sources/ctgov/test_privacy.py::test_words_alone_make_no_person",
            "tests/sources/ctgov/test_people.py::test_sponsor_in_person_is_one_where_nobody_else_is_the_investigator",
            "tests/sources/test_contact_details.py::test_identifiers_dates_and_doses_are_no_phone_numbers",
        ),
        "test_rows_change_with_content_and_only_with_content": (
            "tests/sources/ctgov/test_study.py::test_order_of_keys_and_whitespace_do_not_change_a_study",
            "tests/sources/ctgov/test_study.py::test_derived_section_does_not_change_a_study",
            "tests/sources/ctgov/test_study.py::test_the_type_of_a_date_changes_a_study_where_it_has_a_column",
        ),
        "test_share_of_names_that_need_cleaning_is_the_known_one": "It measures how many real names need cleaning; the share among names that we make says only how we made them.",
        "test_clean_names_of_the_recordings_are_clean": (
            "tests/sources/ctgov/test_names.py::test_cleaning_a_clean_name_changes_nothing",
        ),
        "test_recorded_studies_pass_every_contract": (
            "tests/soda/ctgov/test_contracts.py::test_sound_tables_of_any_size_pass_every_check",
        ),
    },
    "dsa110/test_inventory.py": {
        "test_the_inventory_gives_its_tiles": (
            "tests/sources/dsa110/test_grouping.py::test_a_season_of_arrivals_gives_its_tiles",
        ),
    },
    "dsa110/test_stations.py": {
        "test_every_station_is_within_2_cm_of_its_published_place": "It compares the sample's own file with the published one; what both have in common is tested in tests/sandbox/dsa110/test_stations.py.",
    },
    "pubchem/test_habits.py": {
        "test_the_tables_are_the_same": (
            "tests/sources/pubchem/test_habits.py::test_answers_in_another_form_give_the_same_tables",
            "tests/sources/pubchem/test_publish.py::test_what_passes_leaves_no_trace",
            "tests/sources/pubchem/test_response_policy.py::test_data_is_taken_for_data_whatever_its_content_type",
            "tests/upstream/test_session.py::test_an_answer_may_be_gzipped",
        ),
        "test_a_server_with_its_own_limit_gives_the_same_tables": (
            "tests/sources/pubchem/test_client.py::test_pages_are_asked_for_until_the_declared_count_whatever_the_limit_of_the_server",
        ),
        "test_a_server_that_ignores_start_gives_no_row_twice_and_no_part": (
            "tests/sources/pubchem/test_client.py::test_a_server_that_ignores_start_gives_no_row_twice_and_no_part_of_the_rows",
        ),
        "test_only_a_declared_count_of_0_says_that_a_compound_has_no_trials": (
            "tests/sources/pubchem/test_client.py::test_what_declares_no_count_or_an_error_does_not_say_that_a_compound_has_no_trials",
            "tests/sources/pubchem/test_client.py::test_a_declared_count_of_0_says_that_a_compound_has_no_trials",
        ),
        "test_an_empty_table_of_properties_does_not_say_that_pubchem_knows_none_of_them": (
            "tests/sources/pubchem/test_client.py::test_an_empty_table_of_properties_does_not_say_that_pubchem_knows_none_of_them",
        ),
        "test_only_not_found_is_remembered_as_the_absence_of_a_name": (
            "tests/sources/pubchem/test_client.py::test_an_empty_list_of_compounds_does_not_say_that_pubchem_does_not_know_a_name",
            "tests/sources/pubchem/test_names.py::test_a_failure_is_never_taken_for_absence",
        ),
        "test_rows_without_a_count_cannot_be_reconciled_and_the_reason_says_so": (
            "tests/sources/pubchem/test_client.py::test_rows_without_a_count_are_not_taken_and_the_reason_says_so",
        ),
        "test_a_sibling_that_is_not_offered_fails_alone": (
            "tests/sources/pubchem/test_habits.py::test_a_collection_that_cannot_be_asked_fails_alone_and_is_not_promoted_as_empty",
        ),
        "test_names_that_cannot_be_asked_do_not_hold_up_the_trials": (
            "tests/sources/pubchem/test_names.py::test_names_that_cannot_be_asked_do_not_hold_up_the_trials",
        ),
        "test_compounds_without_a_title_as_recorded_are_published": (
            "tests/soda/pubchem/test_contracts.py::test_first_tables_without_titles_of_which_most_compounds_have_no_trials_pass_with_warnings",
        ),
        "test_a_list_of_which_most_compounds_have_no_trials_is_published": (
            "tests/soda/pubchem/test_contracts.py::test_first_tables_without_titles_of_which_most_compounds_have_no_trials_pass_with_warnings",
            "tests/sources/pubchem/test_publish.py::test_a_compound_without_trials_is_a_state_and_no_row",
        ),
        "test_a_daily_run_on_an_upstream_that_did_not_change_changes_nothing": (
            "tests/sources/pubchem/test_habits.py::test_a_daily_run_on_an_upstream_that_did_not_change_changes_nothing",
        ),
        "test_each_row_is_a_link_with_the_compound_that_was_asked_for": (
            "tests/sources/pubchem/test_habits.py::test_a_row_is_a_link_with_the_compound_that_was_asked_for_whatever_it_names",
        ),
    },
    "pubchem/test_publish.py": {
        "test_the_published_tables_hold_every_recorded_row_with_its_values": (
            "tests/sources/pubchem/test_publish.py::test_everything_that_pubchem_has_is_published",
            "tests/sources/pubchem/test_rows.py::test_a_row_becomes_a_trial_with_its_compounds",
        ),
        "test_properties_have_the_recorded_values_whichever_name_smiles_has": (
            "tests/sources/pubchem/test_publish.py::test_everything_that_pubchem_has_is_published",
            "tests/sources/pubchem/test_rows.py::test_numbers_that_come_as_text_are_numbers_and_what_is_absent_is_null",
            "tests/sources/pubchem/test_rows.py::test_smiles_are_read_under_their_names_of_before_2025_too",
        ),
        "test_the_whole_list_takes_at_most_100_property_requests": (
            "tests/sources/pubchem/test_publish.py::test_properties_are_asked_in_batches",
        ),
        "test_pages_are_asked_with_start_until_the_declared_count_is_reached": (
            "tests/sources/pubchem/test_client.py::test_pages_are_asked_for_until_the_declared_count_whatever_the_limit_of_the_server",
            "tests/sources/pubchem/test_publish.py::test_a_compound_with_more_trials_than_a_page_has_them_all",
        ),
        "test_server_busy_is_asked_again_and_slows_everybody_down": (
            "tests/sources/pubchem/test_publish.py::test_thirty_percent_of_refusals_lead_to_the_same_tables",
            "tests/sources/pubchem/test_response_policy.py::test_a_refusal_that_reads_all_green_is_told_by_its_suffix",
            "tests/upstream/test_session.py::test_headers_that_ask_for_a_pause_hold_for_everyone_on_the_host",
            "tests/upstream/test_session.py::test_retry_after_holds_for_everyone_on_the_host",
        ),
        "test_a_green_header_slows_nobody": (
            "tests/sources/pubchem/test_response_policy.py::test_the_worst_colour_of_the_throttle_header_says_how_long_to_wait",
        ),
        "test_an_answer_without_hits_is_a_state_and_no_row": (
            "tests/sources/pubchem/test_publish.py::test_a_compound_without_trials_is_a_state_and_no_row",
        ),
        "test_a_rejected_query_is_no_absence_and_not_asked_again_as_it_was": (
            "tests/sources/pubchem/test_habits.py::test_a_collection_that_cannot_be_asked_fails_alone_and_is_not_promoted_as_empty",
            "tests/sources/pubchem/test_response_policy.py::test_a_query_that_sdq_rejects_is_not_tried_again",
        ),
        "test_a_rejected_projection_is_given_up": (
            "tests/sources/pubchem/test_publish.py::test_a_projection_that_is_rejected_is_given_up_for_all_columns",
        ),
        "test_not_found_is_absence": (
            "tests/sources/pubchem/test_client.py::test_not_found_is_absence_of_a_name_and_of_properties_and_of_nothing_else",
            "tests/sources/pubchem/test_response_policy.py::test_the_code_of_a_fault_decides_whatever_the_status",
        ),
        "test_not_found_where_a_list_or_trials_should_be_is_no_absence": (
            "tests/sources/pubchem/test_client.py::test_not_found_is_absence_of_a_name_and_of_properties_and_of_nothing_else",
        ),
        "test_the_recorded_answers_about_smiles_are_read": (
            "tests/sources/pubchem/test_client.py::test_properties_are_joined_by_cid_and_never_by_position",
            "tests/sources/pubchem/test_rows.py::test_smiles_are_read_under_their_names_of_before_2025_too",
        ),
        "test_a_recorded_list_of_compounds_is_kept_in_its_order": (
            "tests/sources/pubchem/test_names.py::test_candidates_stay_in_pubchems_order_each_once_and_without_cid_zero",
        ),
        "test_an_answer_that_is_still_pending_is_asked_again": (
            "tests/sources/pubchem/test_client.py::test_an_answer_that_is_still_being_made_is_asked_for_again",
            "tests/sources/pubchem/test_response_policy.py::test_an_answer_that_is_still_being_made_may_pass",
        ),
        "test_no_recorded_answer_is_without_a_test": "It counts the recorded answers, so that one that is added gets a test of its own.",
        "test_thirty_percent_of_recorded_refusals_end_in_the_same_six_tables": (
            "tests/sources/pubchem/test_publish.py::test_thirty_percent_of_refusals_lead_to_the_same_tables",
        ),
        "test_a_full_refresh_during_an_outage_leaves_latest_as_it_was": (
            "tests/sources/pubchem/test_publish.py::test_a_full_refresh_during_an_outage_leaves_latest_as_it_was",
        ),
        "test_an_outage_that_begins_in_the_middle_leaves_latest_as_it_was_and_the_next_try_goes_on": (
            "tests/sources/pubchem/test_publish.py::test_an_outage_in_the_middle_is_survived_by_the_next_try",
            "tests/e2e/test_clinical_dag.py::test_a_full_refresh_in_an_outage_leaves_latest_and_the_alert_says_why_and_what_consumers_see",
        ),
        "test_units_that_never_answer_fail_alone": (
            "tests/sources/pubchem/test_publish.py::test_a_unit_that_fails_keeps_what_was_known_and_is_asked_again",
        ),
        "test_a_sibling_that_ignores_the_filter_never_reaches_a_first_version": (
            "tests/sources/pubchem/test_habits.py::test_a_collection_that_cannot_be_asked_fails_alone_and_is_not_promoted_as_empty",
            "tests/sources/pubchem/test_publish.py::test_a_collection_that_ignores_the_filter_gives_no_row_and_stops_the_promotion",
        ),
        "test_a_sibling_that_begins_to_ignore_the_filter_changes_no_table": (
            "tests/sources/pubchem/test_habits.py::test_a_collection_that_cannot_be_asked_fails_alone_and_is_not_promoted_as_empty",
            "tests/sources/pubchem/test_publish.py::test_a_unit_that_fails_keeps_what_was_known_and_is_asked_again",
        ),
        "test_one_answer_for_another_compound_is_refused_and_what_was_known_stays": (
            "tests/sources/pubchem/test_publish.py::test_a_unit_that_fails_keeps_what_was_known_and_is_asked_again",
        ),
        "test_rows_that_change_between_pages_are_asked_again": (
            "tests/sources/pubchem/test_publish.py::test_what_passes_leaves_no_trace",
        ),
        "test_a_row_that_moves_onto_the_next_page_is_not_counted_twice": (
            "tests/sources/pubchem/test_client.py::test_a_row_that_moves_onto_the_next_page_is_not_counted_twice",
        ),
        "test_rows_that_never_hold_still_fail_and_keep_what_was_known": (
            "tests/sources/pubchem/test_publish.py::test_a_unit_that_fails_keeps_what_was_known_and_is_asked_again",
        ),
        "test_a_name_that_is_not_found_is_remembered_with_its_date_and_a_busy_server_is_not": (
            "tests/sources/pubchem/test_names.py::test_names_of_a_published_ctgov_version_are_found_or_not_as_pubchem_says",
            "tests/sources/pubchem/test_names.py::test_a_failure_is_never_taken_for_absence",
            "tests/sources/pubchem/test_names.py::test_a_look_up_that_fails_is_asked_again_in_the_next_run",
            "tests/sources/pubchem/test_names.py::test_answers_are_asked_for_again_after_180_days",
        ),
        "test_one_placeholder_row_a_compound_in_the_place_of_trials_is_not_promoted": (
            "tests/soda/pubchem/test_contracts.py::test_the_collapses_that_once_were_published_are_refused_and_the_recovery_passes",
        ),
    },
    "pubchem/test_row_counts.py": {
        "test_collapses_are_rejected_recoveries_pass_and_a_new_level_needs_one_acceptance": (
            "tests/publishing/test_promotion.py::test_collapses_are_refused_recoveries_pass_and_a_new_level_stays_out_until_it_is_accepted",
        ),
        "test_without_an_acceptance_the_new_level_stays_out": (
            "tests/publishing/test_promotion.py::test_collapses_are_refused_recoveries_pass_and_a_new_level_stays_out_until_it_is_accepted",
        ),
        "test_the_real_contracts_decide_like_the_rule_of_the_toy_table": (
            "tests/soda/pubchem/test_contracts.py::test_the_collapses_that_once_were_published_are_refused_and_the_recovery_passes",
            "tests/soda/pubchem/test_contracts.py::test_fall_of_exactly_two_percent_passes",
            "tests/soda/clinical/test_contracts.py::test_the_collapses_that_once_were_published_are_refused_and_the_recovery_passes",
        ),
    },
    "sofascore/test_publish.py": {
        "test_every_match_is_published_with_what_its_event_says": (
            "tests/sources/sofascore/test_publish.py::test_every_match_is_published_with_what_its_event_says",
            "tests/sources/sofascore/test_rows.py::test_details_of_an_event",
            "tests/sources/sofascore/test_rows.py::test_two_legs",
        ),
        "test_every_part_of_a_match_is_published_with_its_values": (
            "tests/sources/sofascore/test_publish.py::test_every_part_of_a_match_is_published_with_its_values",
        ),
        "test_statistics_are_values_and_totals_and_never_texts": (
            "tests/sources/sofascore/test_publish.py::test_every_part_of_a_match_is_published_with_its_values",
            "tests/sources/sofascore/test_rows.py::test_statistics_come_from_values_and_totals_never_from_text",
        ),
        "test_every_part_that_was_asked_for_is_accounted_for": (
            "tests/sources/sofascore/test_publish.py::test_every_part_that_was_asked_for_is_accounted_for",
        ),
        "test_scores_are_those_of_matches_with_a_final_result": (
            "tests/sources/sofascore/test_derive.py::test_scores_are_of_matches_with_a_final_result_only",
            "tests/sources/sofascore/test_derive.py::test_a_score_says_how_it_was_decided_and_who_won",
            "tests/sources/sofascore/test_derive.py::test_a_score_is_compared_with_the_goals_among_the_incidents_own_goals_as_credited",
        ),
        "test_summaries_equal_what_the_bodies_say": (
            "tests/sources/sofascore/test_derive.py::test_a_summary_tells_everything_of_a_played_match",
            "tests/sources/sofascore/test_derive.py::test_what_a_match_lacks_is_null_in_its_summary",
            "tests/sources/sofascore/test_derive.py::test_cards_of_managers_and_rescinded_ones_do_not_count_and_a_second_yellow_is_one_sending_off",
        ),
        "test_team_seasons_equal_what_the_bodies_add_up_to": (
            "tests/sources/sofascore/test_derive.py::test_a_teams_season_counts_extra_time_and_shoot_outs_by_goals_and_walkovers_apart",
            "tests/sources/sofascore/test_derive.py::test_a_team_that_had_but_a_walkover_has_a_season_of_no_matches",
            "tests/sources/sofascore/test_derive.py::test_a_teams_sums_are_over_the_matches_that_state_them",
        ),
        "test_player_seasons_equal_what_the_line_ups_add_up_to": (
            "tests/sources/sofascore/test_derive.py::test_a_players_season_sums_what_his_matches_state",
            "tests/sources/sofascore/test_derive.py::test_expected_goals_are_zero_only_in_matches_where_somebody_has_them",
            "tests/sources/sofascore/test_derive.py::test_rates_are_null_at_zero_minutes_and_figures_where_nothing_is_stated",
        ),
        "test_own_goals_count_for_the_other_side_and_for_no_scorer": (
            "tests/sources/sofascore/test_publish.py::test_goals_of_the_incidents_own_ones_among_them_add_up_to_the_score",
            "tests/sources/sofascore/test_rows.py::test_an_own_goal_counts_for_the_side_it_is_credited_to",
        ),
        "test_matches_that_were_not_played_are_matches_and_nothing_else": (
            "tests/sources/sofascore/test_publish.py::test_every_part_that_was_asked_for_is_accounted_for",
            "tests/sources/sofascore/test_derive.py::test_scores_are_of_matches_with_a_final_result_only",
            "tests/sources/sofascore/test_derive.py::test_a_team_that_had_but_a_walkover_has_a_season_of_no_matches",
        ),
        "test_a_season_without_any_line_up_comes_through_with_a_warning": (
            "tests/sources/sofascore/test_derive.py::test_a_season_in_which_every_match_lacks_line_ups_comes_through",
            "tests/soda/sofascore/test_contracts.py::test_season_in_which_every_match_lacks_lineups_passes_and_is_warned_of_unless_it_had_them_or_somebody_was_rated",
        ),
        "test_what_a_settled_match_lacks_is_never_asked_for_again": (
            "tests/sources/sofascore/test_discover.py::test_what_a_settled_match_lacks_is_asked_for_by_a_full_refresh_only",
            "tests/sources/sofascore/test_extract.py::test_parts_that_are_not_there_are_no_failure_however_many_follow_one_another",
        ),
        "test_a_correction_of_a_finished_match_arrives_everywhere": (
            "tests/sources/sofascore/test_publish.py::test_days_of_runs_end_where_one_run_that_asks_for_everything_does",
        ),
        "test_a_young_match_is_looked_at_again_although_no_list_tells_of_a_correction": (
            "tests/sources/sofascore/test_discover.py::test_new_changed_and_young_matches_are_asked_for",
            "tests/sources/sofascore/test_publish.py::test_days_of_runs_end_where_one_run_that_asks_for_everything_does",
        ),
        "test_matches_change_in_place_and_are_stored_once": (
            "tests/sources/sofascore/test_publish.py::test_days_of_runs_end_where_one_run_that_asks_for_everything_does",
        ),
        "test_a_run_for_a_day_asks_for_the_matches_of_that_day_and_for_no_neighbours": (
            "tests/sources/sofascore/test_discover.py::test_a_dated_run_sees_matches_of_a_day_that_its_list_has_from_the_days_beside_it",
            "tests/sources/sofascore/test_discover.py::test_a_run_for_something_asks_for_exactly_that",
        ),
        "test_an_outage_publishes_nothing_and_the_next_run_takes_over_what_landed": (
            "tests/sources/sofascore/test_publish.py::test_what_a_partial_run_landed_is_taken_over_and_asked_for_no_second_time",
        ),
        "test_a_match_that_is_not_there_for_once_keeps_what_is_known_of_it": (
            "tests/sources/sofascore/test_publish.py::test_a_match_that_is_not_there_for_once_keeps_what_is_known_of_it",
        ),
        "test_a_challenge_stops_the_run_and_once_cleared_it_goes_on_with_what_landed": (
            "tests/sources/sofascore/test_extract.py::test_a_challenge_or_a_wrong_shape_stops_every_thread_and_unit_until_the_probe",
            "tests/sources/sofascore/test_publish.py::test_what_a_run_landed_before_it_was_stopped_is_taken_over",
            "tests/publishing/test_promotion.py::test_a_candidate_without_a_verdict_is_refused",
        ),
    },
    "sofascore/test_rows.py": {
        "test_states_goals_and_results_of_every_recorded_event": (
            "tests/sources/sofascore/test_publish.py::test_every_match_is_published_with_what_its_event_says",
            "tests/sources/sofascore/test_rows.py::test_states_follow_the_status_code_and_only_played_matches_have_a_result",
            "tests/sources/sofascore/test_rows.py::test_details_of_an_event",
            "tests/sources/sofascore/test_rows.py::test_two_legs",
        ),
        "test_a_recorded_shoot_out_is_not_counted_as_goals": (
            "tests/sources/sofascore/test_rows.py::test_goals_of_a_shoot_out_are_no_goals",
        ),
        "test_teams_of_recorded_events": (
            "tests/sources/sofascore/test_rows.py::test_a_list_entry_gives_the_match_and_its_teams",
        ),
        "test_managers_momentum_best_players_and_meetings_of_recorded_matches": (
            "tests/sources/sofascore/test_publish.py::test_every_part_of_a_match_is_published_with_its_values",
            "tests/sources/sofascore/test_rows.py::test_best_players_in_order_with_the_player_of_the_match",
            "tests/sources/sofascore/test_rows.py::test_head_to_head_of_managers_who_are_not_known",
        ),
        "test_recorded_shots": (
            "tests/sources/sofascore/test_rows.py::test_shots_with_their_places",
            "tests/sources/sofascore/test_rows.py::test_shots_where_little_is_covered",
        ),
        "test_every_recorded_shape_of_incident_keeps_its_players": (
            "tests/sources/sofascore/test_rows.py::test_players_are_kept_from_every_part_that_names_them",
            "tests/sources/sofascore/test_rows.py::test_a_substitution_names_both_players",
            "tests/sources/sofascore/test_rows.py::test_a_shoot_out_has_no_minutes",
            "tests/sources/sofascore/test_rows.py::test_an_own_goal_counts_for_the_side_it_is_credited_to",
        ),
        "test_goals_of_recorded_incidents_add_up_to_the_score": (
            "tests/sources/sofascore/test_publish.py::test_goals_of_the_incidents_own_ones_among_them_add_up_to_the_score",
        ),
        "test_recorded_line_ups_keep_every_player_and_figure": (
            "tests/sources/sofascore/test_publish.py::test_every_part_of_a_match_is_published_with_its_values",
            "tests/sources/sofascore/test_rows.py::test_a_player_of_several_parts_is_one_row_with_what_the_first_part_says_of_each_column",
        ),
        "test_recorded_statistics_come_through_without_their_text": (
            "tests/sources/sofascore/test_publish.py::test_every_part_of_a_match_is_published_with_its_values",
            "tests/sources/sofascore/test_rows.py::test_statistics_come_from_values_and_totals_never_from_text",
        ),
    },
    "sofascore/test_seasons.py": {
        "test_every_season_gets_the_year_and_label_of_an_independent_reading": (
            "tests/sources/sofascore/test_competitions.py::test_spellings_of_a_season",
            "tests/sources/sofascore/test_competitions.py::test_every_spelling_of_a_season_means_the_same",
        ),
        "test_the_lists_hold_all_spellings": (
            "tests/sandbox/sofascore/test_api.py::test_seasons_are_listed_newest_first_in_every_spelling",
        ),
        "test_no_season_of_a_competition_shares_its_label_with_another": (
            "tests/sources/sofascore/test_competitions.py::test_labels_sort_by_start_year",
        ),
        "test_the_lists_run_from_the_newest_season_to_the_oldest": (
            "tests/sandbox/sofascore/test_api.py::test_seasons_are_listed_newest_first_in_every_spelling",
        ),
    },
}
