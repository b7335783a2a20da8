-- A match without incidents tells nothing of cards: they are of the others, and null where there is no other.
SELECT
    t.* REPLACE (if(
        t.incident_matches < t.appearances AND (t.incident_matches > 0 OR c.player_id IS NOT NULL),
        list_concat(t.partly_known, ['yellow_cards', 'second_yellow_cards', 'red_cards']), t.partly_known
    ) AS partly_known),
    s.competition, s.season, p.name AS player_name, n.name AS team_name,
    if(t.incident_matches > 0, coalesce(c.yellow_cards, 0), c.yellow_cards) AS yellow_cards,
    if(t.incident_matches > 0, coalesce(c.second_yellow_cards, 0), c.second_yellow_cards) AS second_yellow_cards,
    if(t.incident_matches > 0, coalesce(c.red_cards, 0), c.red_cards) AS red_cards
FROM season_figures t
LEFT JOIN player_cards c USING (competition_id, season_id, player_id)
LEFT JOIN all_competition_seasons s USING (competition_id, season_id)
LEFT JOIN all_players p ON p.player_id = t.player_id
LEFT JOIN all_teams n ON n.team_id = t.team_id
