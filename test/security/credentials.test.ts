/** security: credentials and tokens in the metadata log: Kafka's are read, ours survive snapshots and restarts, time ends tokens. */
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { Cluster } from '../../src/cluster/cluster.ts'
import { BrokerConfig } from '../../src/config/index.ts'
import { LogDirectory } from '../../src/log/log-directory.ts'
import { SimulatedClock } from '../../src/runtime/clock.ts'
import type { FileSystem } from '../../src/runtime/file-system.ts'
import { silentLogger } from '../../src/runtime/logger.ts'
import { MemoryFileSystem } from '../../src/runtime/memory-file-system.ts'
import { nodeFileSystem } from '../../src/runtime/node-file-system.ts'
import { SeededRandom } from '../../src/runtime/random.ts'
import { Credentials } from '../../src/security/credentials.ts'
import { userPrincipal } from '../../src/security/principal.ts'
import { keysOf, saltedPassword } from '../../src/security/sasl/scram-formulas.ts'
import { temporaryDirectory } from '../broker/temporary-directory.ts'

async function open(files: FileSystem, path = '/data', settings: Record<string, string> = {}) {
  const clock = new SimulatedClock()
  const parts = { files, clock, random: new SeededRandom(1), logger: silentLogger, nodeId: 1 }
  const config = BrokerConfig.load({ settings: { 'delegation.token.secret.key': 'secret', ...settings } })
  const directory = await LogDirectory.open({ ...parts, path })
  let credentials!: Credentials
  const cluster = await Cluster.open({
    ...parts,
    config,
    directories: [directory],
    registerParts: (metadata) => {
      credentials = new Credentials(metadata, { ...parts, config })
    },
  })
  return { clock, cluster, credentials }
}

const alice = userPrincipal('alice')
const newToken = { owner: alice, requester: alice, renewers: [userPrincipal('bob')], maxLifetimeMs: 10_000 }

describe('SCRAM credentials', () => {
  it('of a directory that Kafka 4.3.1 has left are those of its users', async () => {
    const root = await temporaryDirectory()
    const fixture = fileURLToPath(new URL('../fixtures/kafka-4.3.1/data-dir-4.3.1.tar.gz', import.meta.url))
    execFileSync('tar', ['xzf', fixture, '-C', root])
    const { cluster, credentials } = await open(nodeFileSystem, `${root}/data`)
    for (const { user, credentials: infos } of await credentials.scram.describe(null)) {
      for (const { mechanism: id } of infos) {
        const mechanism = id === 1 ? 'SCRAM-SHA-256' : 'SCRAM-SHA-512'
        const credential = credentials.scram.of(mechanism, user)!
        const derived = keysOf(mechanism, await saltedPassword(mechanism, `${user}-secret`, credential))
        expect(derived).toEqual({ storedKey: credential.storedKey, serverKey: credential.serverKey })
      }
    }
    const described = await credentials.scram.describe(null)
    expect(described.map(({ user }) => user).sort()).toEqual(['alice', 'bob'])
    await cluster.close()
  })
})

describe('credentials and tokens', () => {
  it('survive a snapshot and a restart', async () => {
    const files = new MemoryFileSystem()
    const settings = { 'metadata.log.max.record.bytes.between.snapshots': '1' }
    const first = await open(files, '/data', settings)
    const cost = { iterations: 4096, salt: Buffer.from('salt') }
    await first.credentials.scram.alter(
      [],
      [{ name: 'dora', mechanism: 2, ...cost, saltedPassword: Buffer.alloc(64, 1) }],
    )
    const token = await first.credentials.tokens.create(newToken)
    const gone = await first.credentials.tokens.create(newToken)
    await first.credentials.tokens.expire(first.credentials.tokens.hmacOf(gone.tokenId), -1, alice)
    await first.cluster.close()
    const again = await open(files)
    expect(again.credentials.scram.of('SCRAM-SHA-512', 'dora')).toEqual(
      first.credentials.scram.of('SCRAM-SHA-512', 'dora'),
    )
    const named = ({ type, name }: { type: string; name: string }) => ({ type, name })
    expect(again.credentials.tokens.describe(null, () => true)).toEqual([
      { ...token, owner: named(alice), requester: named(alice), renewers: newToken.renewers.map(named) },
    ])
    await again.cluster.close()
  })
})

describe('a delegation token', () => {
  it('can be used and renewed until it expires, and is removed some time after', async () => {
    const { clock, cluster, credentials } = await open(new MemoryFileSystem(), '/data', {
      'delegation.token.expiry.time.ms': '4000',
      'delegation.token.expiry.check.interval.ms': '60000',
    })
    const { tokens } = credentials
    tokens.start()
    const { tokenId, issueTimestamp, maxTimestamp, expirationTimestamp } = await tokens.create(newToken)
    expect([maxTimestamp - issueTimestamp, expirationTimestamp - issueTimestamp]).toEqual([10_000, 4_000])
    const hmac = tokens.hmacOf(tokenId)
    await clock.advance(3_000)
    expect(await tokens.renew(hmac, -1, userPrincipal('bob'))).toBe(issueTimestamp + 7_000)
    await clock.advance(4_000)
    expect(await tokens.renew(hmac, 100_000, alice)).toBe(maxTimestamp)
    await expect(tokens.renew(hmac, 1, userPrincipal('carol'))).rejects.toMatchObject({
      kafkaError: 'DELEGATION_TOKEN_OWNER_MISMATCH',
    })
    expect(tokens.usable(tokenId)).toBeDefined()
    await clock.advance(3_001)
    expect(tokens.usable(tokenId)).toBeUndefined()
    await expect(tokens.renew(hmac, 1, alice)).rejects.toMatchObject({ kafkaError: 'DELEGATION_TOKEN_EXPIRED' })
    await expect(tokens.expire(hmac, 1, alice)).rejects.toMatchObject({ kafkaError: 'DELEGATION_TOKEN_EXPIRED' })
    expect(tokens.describe(null, () => true)).toHaveLength(1)
    await clock.advance(60_000)
    expect(tokens.describe(null, () => true)).toEqual([])
    await expect(tokens.renew(hmac, 1, alice)).rejects.toMatchObject({ kafkaError: 'DELEGATION_TOKEN_NOT_FOUND' })
    tokens.close()
    await cluster.close()
  })
})
