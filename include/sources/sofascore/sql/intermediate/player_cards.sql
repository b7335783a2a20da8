-- Cards of each player in each season; a second yellow is a sending-off and no further yellow; one taken back is none.
SELECT
    m.competition_id, m.season_id, i.player_id,
    count(*) FILTER (is_yellow(i.type, i.class)) AS yellow_cards,
    count(*) FILTER (i.class = 'yellowRed') AS second_yellow_cards,
    count(*) FILTER (is_sending_off(i.type, i.class)) AS red_cards
FROM all_incidents i
JOIN played_matches m USING (match_id)
WHERE i.type = 'card' AND i.player_id IS NOT NULL AND i.rescinded IS NOT TRUE
GROUP BY ALL
