-- Cards of each player in each season; a second yellow is a sending-off and no further yellow.
SELECT
    m.competition_id, m.season_id, c.player_id,
    count(*) FILTER (c.is_yellow) AS yellow_cards,
    count(*) FILTER (c.is_sending_off AND c.class = 'yellowRed') AS second_yellow_cards,
    count(*) FILTER (c.is_sending_off) AS red_cards
FROM cards c
JOIN played_matches m USING (match_id)
GROUP BY ALL
