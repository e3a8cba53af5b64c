/** test: UpdateFeatures and what ApiVersions says of finalised features; it leaves the broker at other levels. */
import {
  apiVersions,
  describeConfigs,
  incrementalAlterConfigs,
  updateFeatures,
} from '../../../protocol/messages/index.ts'
import { type Conversation, scenario } from '../conversation.ts'

const [unknown, upgrade, safeDowngrade, unsafeDowngrade] = [0, 1, 2, 3] as const
const elr = 'eligible.leader.replicas.version'
const ourFeatures = [elr, 'group.version', 'kraft.version', 'metadata.version', 'transaction.version']

/** Asked and kept: the levels of the features that both brokers have, and whether the epoch grew since `epochBefore`. */
async function levels(broker: Conversation, step: string): Promise<void> {
  const client = { clientSoftwareName: 'comparison', clientSoftwareVersion: '1' }
  const { finalizedFeatures } = await broker.quietly(apiVersions, 4, client)
  const told = finalizedFeatures
    .filter(({ name }) => ourFeatures.includes(name))
    .map(({ name, maxVersionLevel, minVersionLevel }) => ({ name, maxVersionLevel, minVersionLevel }))
  broker.tell(step, 4, told)
}

type Update = readonly [feature: string, maxVersionLevel: number, upgradeType?: number]

function updates(...wanted: readonly Update[]) {
  return wanted.map(([feature, maxVersionLevel, upgradeType = upgrade]) => ({ feature, maxVersionLevel, upgradeType }))
}

export const featuresScenarios = [
  scenario('updates that change nothing', async (broker) => {
    const ask = (step: string, featureUpdates: ReturnType<typeof updates>, rest: object = {}) =>
      broker.every(step, updateFeatures, { featureUpdates, ...rest }, { from: 1 })
    await ask('none', [])
    await ask('of a feature that nobody knows', updates(['nobody.version', 1]))
    await ask('of a feature that nobody knows, to 0', updates(['nobody.version', 0]))
    await ask('of a feature without a name', updates(['', 1]))
    await ask('to a negative level', updates(['group.version', -1]))
    await ask('above what there is', updates(['group.version', 2]))
    await ask('far above what there is', updates(['metadata.version', 1000]))
    await ask('below what there is', updates(['metadata.version', 6]))
    await ask('below what there is, safely', updates(['metadata.version', 6, safeDowngrade]))
    await ask('to the same level', updates(['group.version', 1]))
    await ask('to the same level, as a downgrade', updates(['group.version', 1, safeDowngrade]))
    await ask('with an unknown type', updates(['group.version', 0, unknown]))
    await ask('with a type that nobody knows', updates(['group.version', 0, 7]))
    await ask('a downgrade that is none', updates(['group.version', 0, upgrade]))
    await ask('a downgrade to what is newer', updates(['kraft.version', 2, safeDowngrade]))
    await ask('one of two is wrong', updates(['group.version', 0, safeDowngrade], ['nobody.version', 1]))
    await ask('twice the same', updates(['group.version', 1], ['group.version', 1]))
    await ask('kraft.version, the same', updates(['kraft.version', 1]))
    await ask('kraft.version down', updates(['kraft.version', 0, safeDowngrade]))
    await ask('kraft.version down, unsafely', updates(['kraft.version', 0, unsafeDowngrade]))
    const validateOnly = { validateOnly: true }
    await ask('validated: down', updates(['group.version', 0, safeDowngrade]), validateOnly)
    await ask('validated: wrong', updates(['group.version', 9]), validateOnly)
    await ask('validated: metadata.version down', updates(['metadata.version', 29, safeDowngrade]), validateOnly)
    await ask(
      'validated: metadata.version down, unsafely',
      updates(['metadata.version', 29, unsafeDowngrade]),
      validateOnly,
    )
    await ask('validated: metadata.version far down', updates(['metadata.version', 10, safeDowngrade]), validateOnly)
    await ask(
      'validated: metadata.version far down, unsafely',
      updates(['metadata.version', 10, unsafeDowngrade]),
      validateOnly,
    )
    await broker.ask('of v0', updateFeatures, 0, { featureUpdates: [{ feature: 'group.version', maxVersionLevel: 0 }] })
    await broker.ask('of v0, to the same level', updateFeatures, 0, {
      featureUpdates: [{ feature: 'group.version', maxVersionLevel: 1 }],
    })
    await levels(broker, 'levels')
  }),

  scenario('updates that change levels', async (broker) => {
    await levels(broker, 'levels at first')
    for (const version of broker.versions(updateFeatures)) {
      const allowDowngrade = version === 0
      const down = { feature: 'group.version', maxVersionLevel: 0, allowDowngrade, upgradeType: safeDowngrade }
      await broker.ask('group.version down', updateFeatures, version, { featureUpdates: [down] })
      await levels(broker, `levels after ${version}`)
      const up = { feature: 'group.version', maxVersionLevel: 1, upgradeType: upgrade }
      await broker.ask('group.version up', updateFeatures, version, { featureUpdates: [up] })
    }
    await levels(broker, 'levels at last')
  }),

  scenario('metadata.version', async (broker) => {
    for (const level of [29, 28, 27, 26, 25, 24, 23, 22, 17, 14, 8, 7]) {
      for (const type of [safeDowngrade, unsafeDowngrade]) {
        const featureUpdates = updates(['metadata.version', level, type])
        await broker.ask(`down to ${level}, ${type}`, updateFeatures, 2, { featureUpdates })
      }
    }
    await levels(broker, 'levels then')
    await broker.ask('up', updateFeatures, 2, { featureUpdates: updates(['metadata.version', 30]) })
    await levels(broker, 'levels at last')
  }),

  scenario('eligible leader replicas', async (broker) => {
    const to = (step: string, ...wanted: Update[]) =>
      broker.ask(step, updateFeatures, 2, { featureUpdates: updates(...wanted) })
    const [set, remove] = [0, 1] as const
    const minInSync = async (step: string, resourceName: string, configOperation: number, value: string | null) => {
      const configs = [{ name: 'min.insync.replicas', configOperation, value }]
      await broker.ask(step, incrementalAlterConfigs, 1, { resources: [{ resourceType: 4, resourceName, configs }] })
    }
    const shown = async (step: string) => {
      await broker.settle()
      const resources = ['', '1'].map((resourceName) => ({
        ...{ resourceType: 4, resourceName },
        configurationKeys: ['min.insync.replicas'],
      }))
      await broker.ask(step, describeConfigs, 4, { resources, includeSynonyms: true })
    }
    await shown('at first')
    await to('above what there is', [elr, 2])
    await to('down as an upgrade', [elr, 0])
    await minInSync('of a broker', '1', set, '1')
    await minInSync('of all brokers, removed', '', remove, null)
    await minInSync('of all brokers', '', set, '1')
    await to('down', [elr, 0, safeDowngrade])
    await broker.settle()
    await levels(broker, 'levels without')
    await minInSync('of a broker, without', '1', set, '1')
    await minInSync('of all brokers, removed, without', '', remove, null)
    await shown('without')
    const featureUpdates = updates([elr, 1])
    await broker.ask('up, for a trial', updateFeatures, 2, { featureUpdates, validateOnly: true })
    await shown('after a trial')
    await to('up', [elr, 1])
    await shown('at last')
    await levels(broker, 'levels at last')
    await to('up again', [elr, 1])
  }),
]
