SELECT
    t.*, s.competition, s.season, p.name AS player_name, n.name AS team_name,
    coalesce(c.yellow_cards, 0) AS yellow_cards,
    coalesce(c.second_yellow_cards, 0) AS second_yellow_cards,
    coalesce(c.red_cards, 0) AS red_cards
FROM season_figures t
LEFT JOIN player_cards c USING (competition_id, season_id, player_id)
LEFT JOIN all_competition_seasons s USING (competition_id, season_id)
LEFT JOIN all_players p ON p.player_id = t.player_id
LEFT JOIN all_teams n ON n.team_id = t.team_id
