import { expect, it } from 'vitest'
import { apiVersions, saslHandshake } from '../../protocol/messages/index.ts'
import { metadata } from '../../protocol/messages/metadata.ts'
import { handlers } from '../../src/handlers/index.ts'
import { SaslClient } from '../security/sasl-client.ts'
import { anyRequest } from '../server/serving.ts'
import { connected, startUnderTest } from './broker-under-test.ts'

const settings = {
  listeners: 'SASL_PLAINTEXT://127.0.0.1:0',
  'security.inter.broker.protocol': 'SASL_PLAINTEXT',
  'sasl.enabled.mechanisms': 'PLAIN',
  'sasl.jaas.config': 'org.apache.kafka.common.security.plain.PlainLoginModule required user_alice="a";',
}

it('before it has authenticated, a client is answered ApiVersions and SaslHandshake, and cut off for all else', async () => {
  const { ports, errors } = await startUnderTest(settings)
  const answered: string[] = []
  for (const { api, versions } of handlers) {
    const client = await connected(ports[0]!)
    client.send(anyRequest(api.key, versions.first, Buffer.alloc(64)))
    const isAnswered = await client.frame().then(
      () => true,
      () => false,
    )
    if (isAnswered) answered.push(api.name)
    else expect((await client.closed()).length).toBe(0)
    client.destroy()
  }
  expect(answered).toEqual([saslHandshake.name, apiVersions.name])
  const good = await SaslClient.connect(ports[0]!)
  await good.plain('alice', 'a')
  expect((await good.ask(metadata, 12, { topics: null })).brokers).toHaveLength(1)
  good.destroy()
  expect(errors).toEqual([])
})
