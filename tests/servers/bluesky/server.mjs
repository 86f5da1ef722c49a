// A whole Bluesky network on loopback: PLC directory, PDS and AppView, and two accounts.
//
// Usage (in the folder that has node_modules):
//   node server.mjs '{"plc": 2582, "pds": 2583, "appview": 2584, "postgres": "postgresql://…", "redis": "127.0.0.1:6379",
//                     "accounts": [{"handle": "brand.test", "password": "…", "email": "…"}]}'
// Prints one line of JSON when everything answers; ends on SIGTERM, SIGINT, or when stdin closes.
// The moderation service (Ozone) of dev-env's TestNetwork is left out: nothing here moderates.

import { createRequire } from 'node:module'
import net from 'node:net'
import path from 'node:path'
import process from 'node:process'
import { setTimeout as delay } from 'node:timers/promises'

const settings = JSON.parse(process.argv[2])

// The services listen on a port of all interfaces and offer no setting for it: tests stay on loopback.
const listen = net.Server.prototype.listen
net.Server.prototype.listen = function (first, ...rest) {
  if (typeof first === 'number' && typeof rest[0] !== 'string') {
    return listen.call(this, { port: first, host: '127.0.0.1' }, ...rest)
  }
  if (first && typeof first === 'object' && 'port' in first && !first.host) {
    return listen.call(this, { ...first, host: '127.0.0.1' }, ...rest)
  }
  return listen.call(this, first, ...rest)
}

const require = createRequire(path.join(process.cwd(), 'package.json'))
const { TestPlc, TestPds, TestBsky, mockNetworkUtilities } = require('@atproto/dev-env')
const { AtpAgent } = require('@atproto/api')

const parts = []
let ending = false
async function end(status) {
  if (ending) return
  ending = true
  // Closing is a courtesy; data live in a temporary folder, so a part that hangs must not keep us.
  setTimeout(() => process.exit(status), 2000).unref()
  for (const part of parts.reverse()) await part.close().catch(() => {})
  process.exit(status)
}
process.on('SIGTERM', () => end(0))
process.on('SIGINT', () => end(0))
process.stdin.on('end', () => end(0)).on('error', () => end(0)).resume()

try {
  const plc = await TestPlc.create({ port: settings.plc })
  parts.push(plc)
  const appview = await TestBsky.create({
    port: settings.appview,
    publicUrl: `http://localhost:${settings.appview}`,
    plcUrl: plc.url,
    pdsPort: settings.pds,
    repoProvider: `ws://localhost:${settings.pds}`,
    dbPostgresUrl: settings.postgres,
    dbPostgresSchema: 'appview',
    redisHost: settings.redis,
  })
  const pds = await TestPds.create({
    port: settings.pds,
    hostname: 'localhost',
    didPlcUrl: plc.url,
    // As the distribution for own servers sets it; without, a video has no room.
    blobUploadLimit: 104857600,
    bskyAppViewUrl: appview.url,
    bskyAppViewDid: appview.ctx.cfg.serverDid,
    // Blobs are shown by the AppView itself: there is no CDN here.
    bskyAppViewCdnUrlPattern: `${appview.url}/img/%s/plain/%s/%s@jpeg`,
    // As the public network does: a session tells the client where its PDS is.
    enableDidDocWithSession: true,
  })
  parts.push(pds, appview)
  // Handles under .test have no DNS: they are looked up at our PDS.
  mockNetworkUtilities(pds, appview)

  const accounts = []
  for (const account of settings.accounts) {
    const agent = new AtpAgent({ service: pds.url })
    await agent.createAccount(account)
    accounts.push({ ...account, did: agent.assertDid })
  }
  // Ready means that the AppView has heard of the accounts too.
  const viewer = new AtpAgent({ service: appview.url })
  const deadline = Date.now() + 30_000
  while ((await viewer.getProfiles({ actors: accounts.map((a) => a.did) })).data.profiles.length < accounts.length) {
    if (Date.now() > deadline) throw new Error('The AppView has not indexed the accounts in 30 seconds.')
    await delay(25)
  }
  console.log(
    JSON.stringify({
      ready: true,
      plc: plc.url,
      pds: pds.url,
      appview: appview.url,
      appview_did: appview.ctx.cfg.serverDid,
      accounts,
    }),
  )
} catch (error) {
  console.error(error)
  await end(1)
}
