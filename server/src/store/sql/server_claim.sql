SELECT c.instance AS instance
FROM server_claims AS c
WHERE c.server = {server:UInt16}
ORDER BY c.at DESC
LIMIT 1
