import { generateKeyPairSync } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { exportJWK, SignJWT, UnsecuredJWT } from 'jose'
import { Kafka, logLevel, type SASLOptions } from 'kafkajs'
import { describe, expect, it, onTestFinished } from 'vitest'
import { alterUserScramCredentials } from '../../protocol/messages/alter-user-scram-credentials.ts'
import { createDelegationToken } from '../../protocol/messages/create-delegation-token.ts'
import { describeDelegationToken } from '../../protocol/messages/describe-delegation-token.ts'
import { describeUserScramCredentials } from '../../protocol/messages/describe-user-scram-credentials.ts'
import { expireDelegationToken } from '../../protocol/messages/expire-delegation-token.ts'
import { incrementalAlterConfigs } from '../../protocol/messages/incremental-alter-configs.ts'
import { metadata } from '../../protocol/messages/metadata.ts'
import { renewDelegationToken } from '../../protocol/messages/renew-delegation-token.ts'
import { type BrokerOptions, type RunningBroker, startBroker } from '../../src/broker.ts'
import type { ScramMechanismName } from '../../src/security/sasl/scram-formulas.ts'
import { SaslClient } from '../security/sasl-client.ts'
import { temporaryDirectory } from './temporary-directory.ts'

const listening = 'listeners=SASL_PLAINTEXT://127.0.0.1:0\nsecurity.inter.broker.protocol=SASL_PLAINTEXT\n'
const module = 'org.apache.kafka.common.security'
const plain = `listener.name.sasl_plaintext.plain.sasl.jaas.config=${module}.plain.PlainLoginModule required user_alice="alice-secret" user_bob="bob-secret";\n`
const all = `${listening}sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512\n${plain}`

async function start(properties: string, options: BrokerOptions = {}): Promise<RunningBroker> {
  const broker = await startBroker({ memory: true, properties, ...options })
  onTestFinished(() => broker.close())
  return broker
}

async function produces(broker: RunningBroker, sasl: SASLOptions): Promise<void> {
  const client = new Kafka({
    brokers: [broker.bootstrapServers],
    sasl,
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 20, retries: 2 },
  })
  const producer = client.producer()
  await producer.connect()
  await producer.send({ topic: 't', messages: [{ value: 'x' }] })
  await producer.disconnect()
}

const portOf = ({ bootstrapServers }: RunningBroker): number => Number(bootstrapServers.split(':').at(-1))

async function saslClient(broker: RunningBroker): Promise<SaslClient> {
  const client = await SaslClient.connect(portOf(broker))
  onTestFinished(() => client.destroy())
  return client
}

async function setPassword(broker: RunningBroker, mechanism: ScramMechanismName, name: string, password: string) {
  const admin = await saslClient(broker)
  await admin.plain('alice', 'alice-secret')
  expect(await admin.setPassword(mechanism, name, password)).toMatchObject([{ user: name, errorCode: 0 }])
}

describe('PLAIN', () => {
  it('lets kafkajs in with the password, and not with another', async () => {
    const broker = await start(all)
    await produces(broker, { mechanism: 'plain', username: 'alice', password: 'alice-secret' })
    await expect(produces(broker, { mechanism: 'plain', username: 'alice', password: 'wrong' })).rejects.toThrow(
      'Authentication failed: Invalid username or password',
    )
    await expect(produces(broker, { mechanism: 'plain', username: 'carol', password: 'x' })).rejects.toThrow(
      'Authentication failed: Invalid username or password',
    )
  })

  it('has users by the file that KAFKA_OPTS names, of the section for all listeners or of its own', async () => {
    const path = join(await temporaryDirectory(), 'jaas.conf')
    const section = (password: string): string => `${module}.plain.PlainLoginModule required user_alice="${password}";`
    const properties = `${listening}sasl.enabled.mechanisms=PLAIN\n`
    const environment = { KAFKA_OPTS: `-Xmx1g -Djava.security.auth.login.config=${path} -Dx=y` }
    await writeFile(path, `Client { a.A required; };\nKafkaServer { ${section('of-all')} };\n`)
    await produces(await start(properties, { environment }), {
      mechanism: 'plain',
      username: 'alice',
      password: 'of-all',
    })
    await writeFile(path, `KafkaServer { ${section('of-all')} };\nsasl_plaintext.KafkaServer { ${section('own')} };\n`)
    await produces(await start(properties, { environment }), { mechanism: 'plain', username: 'alice', password: 'own' })
    await writeFile(path, 'KafkaServer {')
    await expect(start(properties, { environment })).rejects.toThrow(
      `java.security.auth.login.config=${path}: No } at the end of a section in JAAS config`,
    )
  })

  it('has users by `sasl.jaas.config` for all listeners as well', async () => {
    const broker = await start(
      `${listening}sasl.enabled.mechanisms=PLAIN\nsasl.jaas.config=${module}.plain.PlainLoginModule required user_carol="c";\n`,
    )
    await produces(broker, { mechanism: 'plain', username: 'carol', password: 'c' })
  })
})

describe.each(['SCRAM-SHA-256', 'SCRAM-SHA-512'] as const)('%s', (mechanism) => {
  const login = (password: string): SASLOptions => ({
    mechanism: mechanism.toLowerCase() as 'scram-sha-256',
    username: 'dora',
    password,
  })

  it('lets kafkajs in with credentials that were set while the broker runs, also after a restart', async () => {
    const dataDir = await temporaryDirectory()
    const broker = await start(all, { memory: false, dataDir })
    await expect(produces(broker, login('dora-secret'))).rejects.toThrow('invalid credentials with SASL mechanism')
    await setPassword(broker, mechanism, 'dora', 'dora-secret')
    await produces(broker, login('dora-secret'))
    await expect(produces(broker, login('wrong'))).rejects.toThrow(
      `Authentication failed during authentication due to invalid credentials with SASL mechanism ${mechanism}`,
    )
    await broker.close()
    const again = await start(all, { memory: false, dataDir })
    await produces(again, login('dora-secret'))
  })

  it('lets kafkajs in with a password of its config', async () => {
    const users = `${module}.scram.ScramLoginModule required user_dora="from-config";`
    const broker = await start(
      `${all}listener.name.sasl_plaintext.${mechanism.toLowerCase()}.sasl.jaas.config=${users}\n`,
    )
    await produces(broker, login('from-config'))
    await expect(produces(broker, login('wrong'))).rejects.toThrow('invalid credentials')
  })
})

describe('SCRAM credentials', () => {
  it('are described without what they are, and removed', async () => {
    const broker = await start(all)
    await setPassword(broker, 'SCRAM-SHA-256', 'dora', 'x')
    const admin = await saslClient(broker)
    await admin.plain('alice', 'alice-secret')
    const described = await admin.ask(describeUserScramCredentials, 0, { users: null })
    expect(described).toMatchObject({
      errorCode: 0,
      results: [{ user: 'dora', errorCode: 0, credentialInfos: [{ mechanism: 1, iterations: 4096 }] }],
    })
    const wrong = [
      { name: 'dora', mechanism: 1, iterations: 4095, salt: Buffer.alloc(1), saltedPassword: Buffer.alloc(32) },
      { name: 'eve', mechanism: 1, iterations: 16385, salt: Buffer.alloc(1), saltedPassword: Buffer.alloc(32) },
      { name: '', mechanism: 1, iterations: 4096, salt: Buffer.alloc(1), saltedPassword: Buffer.alloc(32) },
      { name: 'fay', mechanism: 3, iterations: 4096, salt: Buffer.alloc(1), saltedPassword: Buffer.alloc(32) },
      { name: 'gil', mechanism: 1, iterations: 4096, salt: Buffer.alloc(1), saltedPassword: Buffer.alloc(32) },
    ]
    const deletions = [
      { name: 'gil', mechanism: 1 },
      { name: 'hal', mechanism: 1 },
    ]
    const altered = await admin.ask(alterUserScramCredentials, 0, { deletions, upsertions: wrong })
    const codes = Object.fromEntries(altered.results.map(({ user, errorCode }) => [user, errorCode]))
    expect(codes).toEqual({ dora: 93, eve: 93, '': 93, fay: 33, gil: 92, hal: 91 })
    const removed = await admin.ask(alterUserScramCredentials, 0, {
      deletions: [{ name: 'dora', mechanism: 1 }],
      upsertions: [],
    })
    expect(removed.results).toMatchObject([{ user: 'dora', errorCode: 0 }])
    const gone = await admin.ask(describeUserScramCredentials, 0, {
      users: [{ name: 'dora' }, { name: 'x' }, { name: 'x' }],
    })
    expect(gone.results.map(({ user, errorCode }) => [user, errorCode])).toEqual([
      ['dora', 91],
      ['x', 92],
    ])
  })
})

describe('OAUTHBEARER', () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey

  async function signed(claims: Record<string, unknown> = {}, key = privateKey, seconds = 60): Promise<string> {
    const now = Math.floor(Date.now() / 1000)
    return new SignJWT({ sub: 'olga', aud: 'kafka', iss: 'https://issuer.example', scope: 'a b', ...claims })
      .setProtectedHeader({ alg: 'RS256', kid: 'k1' })
      .setIssuedAt(now)
      .setExpirationTime(now + seconds)
      .sign(key)
  }

  async function open(more = ''): Promise<RunningBroker> {
    const directory = await temporaryDirectory()
    const jwks = join(directory, 'jwks.json')
    await writeFile(jwks, JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'k1', alg: 'RS256' }] }))
    return start(
      `${listening}sasl.enabled.mechanisms=OAUTHBEARER\nsasl.oauthbearer.jwks.endpoint.url=file://${jwks}\n` +
        `sasl.oauthbearer.expected.audience=kafka\nsasl.oauthbearer.expected.issuer=https://issuer.example\n${more}`,
    )
  }

  const login = (value: string): SASLOptions => ({
    mechanism: 'oauthbearer',
    oauthBearerProvider: async () => ({ value }),
  })

  it('lets kafkajs in with a signed token', async () => {
    await produces(await open(), login(await signed()))
  })

  it('has the end of the token as the end of the session', async () => {
    const client = await saslClient(await open())
    const { sessionLifetimeMs } = await client.oauthBearer(await signed())
    expect(sessionLifetimeMs).toBeGreaterThan(50_000)
    expect(sessionLifetimeMs).toBeLessThanOrEqual(60_000)
  })

  it.each([
    ['another key', () => signed({}, stranger)],
    ['another audience', () => signed({ aud: 'other' })],
    ['another issuer', () => signed({ iss: 'https://other.example' })],
    ['no subject', () => signed({ sub: undefined })],
    ['an end that is over', () => signed({}, privateKey, -60)],
    ['a scope that is none', () => signed({ scope: 7 })],
    [
      'no signature',
      async () => new UnsecuredJWT({ sub: 'olga', aud: 'kafka' }).setIssuedAt().setExpirationTime('1m').encode(),
    ],
  ])('refuses a token with %s', async (_what, token) => {
    const client = await saslClient(await open())
    await client.handshake('OAUTHBEARER')
    const challenge = await client.authenticate(`n,,\x01auth=Bearer ${await token()}\x01\x01`)
    expect(challenge).toMatchObject({ errorCode: 0 })
    expect(challenge.authBytes.toString()).toBe('{"status":"invalid_token"}')
    const end = await client.authenticate('\x01')
    expect(end).toMatchObject({ errorCode: 58, errorMessage: '{"status":"invalid_token"}' })
    await client.closed()
  })

  it('takes other claims for the name and the scope where that is said', async () => {
    const broker = await open('sasl.oauthbearer.sub.claim.name=client_id\nsasl.oauthbearer.scope.claim.name=scp\n')
    await produces(broker, login(await signed({ client_id: 'olga', scp: ['a'] })))
  })

  it('takes unsigned tokens only where the config asks for that', async () => {
    const token = new UnsecuredJWT({ sub: 'olga' }).setIssuedAt().setExpirationTime('1m').encode()
    const handler = `${module}.oauthbearer.internals.unsecured.OAuthBearerUnsecuredValidatorCallbackHandler`
    const properties = `${listening}sasl.enabled.mechanisms=OAUTHBEARER\n`
    await expect(startBroker({ memory: true, properties })).rejects.toThrow(
      'has OAUTHBEARER and no keys to check tokens with: set sasl.oauthbearer.jwks.endpoint.url',
    )
    const broker = await start(
      `${properties}listener.name.sasl_plaintext.oauthbearer.sasl.server.callback.handler.class=${handler}\n`,
    )
    await produces(broker, login(token))
  })
})

describe('delegation tokens', () => {
  const properties = `${all}delegation.token.secret.key=key of the test\n`

  async function alice(broker: RunningBroker): Promise<SaslClient> {
    const client = await saslClient(broker)
    await client.plain('alice', 'alice-secret')
    return client
  }

  it('log in by SCRAM as their owner, until they are expired', async () => {
    const broker = await start(properties)
    const owner = await alice(broker)
    const renewers = [{ principalType: 'User', principalName: 'bob' }]
    const token = await owner.ask(createDelegationToken, 3, { renewers, maxLifetimeMs: -1 })
    expect(token).toMatchObject({ errorCode: 0, principalName: 'alice', tokenRequesterPrincipalName: 'alice' })
    expect(token.maxTimestampMs - token.issueTimestampMs).toBe(604_800_000)
    const holder = await saslClient(broker)
    const login = await holder.scram('SCRAM-SHA-256', token.tokenId, token.hmac.toString('base64'), ',tokenauth=true')
    expect(login.sessionLifetimeMs).toBeGreaterThan(0)
    expect(await holder.ask(createDelegationToken, 3, { renewers: [], maxLifetimeMs: -1 })).toMatchObject({
      errorCode: 64,
    })
    expect(await owner.ask(expireDelegationToken, 2, { hmac: token.hmac, expiryTimePeriodMs: -1 })).toMatchObject({
      errorCode: 0,
    })
    const late = await saslClient(broker)
    const refused = await late.scram('SCRAM-SHA-256', token.tokenId, token.hmac.toString('base64'), ',tokenauth=true')
    expect(refused).toMatchObject({ errorCode: 58 })
  })

  it('are renewed and described by those who have to do with them', async () => {
    const broker = await start(properties)
    const owner = await alice(broker)
    const renewers = [{ principalType: 'User', principalName: 'bob' }]
    const token = await owner.ask(createDelegationToken, 3, { renewers, maxLifetimeMs: 3_600_000 })
    const renewer = await saslClient(broker)
    await renewer.plain('bob', 'bob-secret')
    expect(await renewer.ask(renewDelegationToken, 2, { hmac: token.hmac, renewPeriodMs: 1000 })).toMatchObject({
      errorCode: 0,
    })
    const described = await renewer.ask(describeDelegationToken, 3, { owners: null })
    expect(described.tokens).toMatchObject([{ principalName: 'alice', tokenId: token.tokenId, renewers }])
    expect(described.tokens[0]!.hmac.equals(token.hmac)).toBe(true)
    const ofOthers = await renewer.ask(describeDelegationToken, 3, {
      owners: [{ principalType: 'User', principalName: 'x' }],
    })
    expect(ofOthers.tokens).toEqual([])
    const unknown = { hmac: Buffer.from('x'), renewPeriodMs: 1 }
    expect(await renewer.ask(renewDelegationToken, 2, unknown)).toMatchObject({ errorCode: 62 })
    const other = await owner.ask(createDelegationToken, 3, { renewers: [], maxLifetimeMs: -1 })
    expect(await renewer.ask(renewDelegationToken, 2, { hmac: other.hmac, renewPeriodMs: 1 })).toMatchObject({
      errorCode: 63,
    })
  })

  it('have no other renewers than users', async () => {
    const owner = await alice(await start(properties))
    const renewers = [{ principalType: 'Group', principalName: 'g' }]
    expect(await owner.ask(createDelegationToken, 3, { renewers, maxLifetimeMs: -1 })).toMatchObject({ errorCode: 67 })
  })

  it('are there only with a secret key, and for those who are somebody', async () => {
    const owner = await alice(await start(all))
    const request = { renewers: [], maxLifetimeMs: -1 }
    expect(await owner.ask(createDelegationToken, 3, request)).toMatchObject({ errorCode: 61, maxTimestampMs: -1 })
    expect(await owner.ask(describeDelegationToken, 3, { owners: null })).toMatchObject({ errorCode: 61 })
    const open = await start('listeners=PLAINTEXT://127.0.0.1:0\ndelegation.token.secret.key=x\n')
    expect(await (await saslClient(open)).ask(createDelegationToken, 3, request)).toMatchObject({ errorCode: 64 })
  })
})

describe('a listener with SASL', () => {
  it('has other logins as soon as its config is altered, and keeps the earlier ones where that is not valid', async () => {
    const broker = await start(all)
    const admin = await saslClient(broker)
    await admin.plain('alice', 'alice-secret')
    const alter = async (value: string) => {
      const name = 'listener.name.sasl_plaintext.plain.sasl.jaas.config'
      const resources = [{ resourceType: 4, resourceName: '1', configs: [{ name, configOperation: 0, value }] }]
      return (await admin.ask(incrementalAlterConfigs, 1, { resources, validateOnly: false })).responses[0]!
    }
    expect((await alter('nonsense')).errorMessage).toContain('Login module control flag not specified in JAAS config')
    const login = async (password: string) => (await (await saslClient(broker)).plain('alice', password)).errorCode
    expect(await login('alice-secret')).toBe(0)
    expect(await alter(`${module}.plain.PlainLoginModule required user_alice="other";`)).toMatchObject({ errorCode: 0 })
    expect(await login('other')).toBe(0)
    expect(await login('alice-secret')).toBe(58)
  })

  it.each([
    ['', 'sasl.enabled.mechanisms of listener SASL_PLAINTEXT has GSSAPI: PLAIN, SCRAM-SHA-256'],
    [
      'sasl.enabled.mechanisms=PLAIN\n',
      'has PLAIN and no users: set listener.name.sasl_plaintext.plain.sasl.jaas.config',
    ],
    [
      'sasl.enabled.mechanisms=PLAIN\nsasl.jaas.config=nonsense\n',
      'Login module control flag not specified in JAAS config',
    ],
    [
      `sasl.enabled.mechanisms=PLAIN\n${plain}sasl.server.callback.handler.class=com.example.Own\n`,
      "names a Java class, which can't be loaded",
    ],
    [
      'sasl.enabled.mechanisms=OAUTHBEARER\nsasl.oauthbearer.jwks.endpoint.url=file:///nowhere.json\n',
      'jwks.endpoint.url=file:///nowhere.json: ENOENT',
    ],
  ])('does not start where that is not possible, and says why: %s', async (properties, reason) => {
    await expect(startBroker({ memory: true, properties: listening + properties })).rejects.toThrow(reason)
  })

  it('answers nothing before, but versions', async () => {
    const lines: object[] = []
    const warn = (fields: object) => void lines.push(fields)
    const broker = await start(all, { logger: { debug: () => {}, info: () => {}, warn, error: warn } })
    const client = await saslClient(broker)
    await client.versions()
    client.send(metadata, 12, { topics: null })
    await client.closed()
    expect(lines).toMatchObject([{ api: 'Metadata', reason: 'it has to authenticate first' }])
  })

  it('tells which mechanisms there are to who asks for another, such as GSSAPI', async () => {
    const client = await saslClient(await start(all))
    expect(await client.handshake('GSSAPI')).toEqual({
      errorCode: 33,
      mechanisms: ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'],
    })
    await client.closed()
  })

  it('writes no password and no token to its log', async () => {
    const lines: string[] = []
    const log = (fields: object, message: string) => void lines.push(JSON.stringify(fields) + message)
    const broker = await start(all, { logger: { debug: log, info: log, warn: log, error: log } })
    const client = await saslClient(broker)
    await client.plain('alice', 'very-wrong-secret')
    await client.closed()
    expect(lines.length).toBeGreaterThan(0)
    expect(lines.join()).not.toContain('secret')
  })
})
