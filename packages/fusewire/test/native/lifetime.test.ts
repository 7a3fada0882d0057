import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runChild } from './support.js'

function expectClean(child: ReturnType<typeof runChild>, stdout: string): void {
  assert.deepEqual([child.stderr, child.status, child.signal], ['', 0, null])
  assert.equal(child.stdout, stdout)
}

test('a pump keeps its buffers, functions and handle alive through garbage collections', () => {
  const body = `
    const [device, kernel] = sockets()
    let seen = 0
    ;(() => {
      const rx = new Uint8Array(8192)
      const reply = new Uint8Array(64)
      calls.pumpStart(device, rx, reply, (bytes) => { seen += rx[0]; reply[0] = rx[0]; return 1 }, () => {})
    })()
    let answers = 0
    for (let round = 1; round <= 50; round++) {
      // Fresh arrays of the same sizes would take the place of freed ones.
      globalThis.garbage = Array.from({ length: 200 }, () => new Uint8Array(8192).fill(255))
      gc()
      send(kernel, Uint8Array.of(round))
      let answer = null
      await until(() => (answer = receive(kernel)) !== null, 'the answer')
      answers += answer[0]
    }
    console.log(seen, answers)
    process.exit()`
  expectClean(runChild(body, { flags: ['--expose-gc'] }), '1275 1275\n')
})

test('what JavaScript forgot after a stop is freed', () => {
  const body = `
    import { setImmediate as turn } from 'node:timers/promises'
    const round = (i) => {
      const [device, kernel] = sockets()
      const pump = calls.pumpStart(device, new Uint8Array(8192), new Uint8Array(64), () => 0, () => {})
      const notifier = calls.notifierStart(kernel, () => {})
      if (i % 2) calls.notifierSend(notifier, Uint8Array.of(1), 1)
      calls.pumpStop(pump)
      calls.notifierStop(notifier)
      calls.closeFd(device)
      calls.closeFd(kernel)
    }
    for (let i = 0; i < 200; i++) round(i)
    await turn()
    await until(() => { gc(); const c = calls.liveCounts(); return c.pumps + c.notifiers + c.threads === 0 }, 'all to be freed')
    console.log(JSON.stringify(calls.liveCounts()))`
  const expected = '{"environments":1,"pumps":0,"notifiers":0,"jobs":0,"threads":0}\n'
  expectClean(runChild(body, { flags: ['--expose-gc'] }), expected)
})

test('a pump keeps the process alive, an unreferenced one does not', () => {
  const start = `
    const [device, kernel] = sockets()
    const pump = calls.pumpStart(device, new Uint8Array(8192), new Uint8Array(64), () => 0, () => console.log('ended'))`
  expectClean(runChild(`${start}; calls.pumpUnref(pump)`), '')
  const later = `setTimeout(() => { console.log('later'); calls.pumpStop(pump) }, 50).unref()`
  expectClean(runChild(`${start}; ${later}`), 'later\n')
  expectClean(runChild(`${start}; calls.pumpUnref(pump); calls.pumpRef(pump); ${later}`), 'later\n')
  expectClean(runChild(`${start}; calls.closeFd(kernel)`), 'ended\n')
})

test('the process ends in the midst of a request: exit, uncaught exception, signal', () => {
  const start = (answer: string) => `
    const [device, kernel] = sockets()
    calls.pumpStart(device, new Uint8Array(8192), new Uint8Array(64), () => { ${answer} }, () => {})
    send(kernel, Uint8Array.of(1))`
  assert.equal(runChild(start('process.exit(3)')).status, 3)
  const thrown = runChild(start('throw new Error("from the handler")'))
  assert.equal(thrown.status, 1)
  assert.match(thrown.stderr, /from the handler/)
  assert.equal(runChild(start('process.kill(process.pid, "SIGTERM"); return 0')).signal, 'SIGTERM')
})

test('workers load the addon and end in every way while it is at work', () => {
  // Only workers load it: Node unloads an addon that the main thread has not loaded when its last worker ends.
  const body = `
    import { Worker } from 'node:worker_threads'
    const text = \`
      import { workerData } from 'node:worker_threads'
      const { deviceCalls } = await import(workerData.module)
      const calls = deviceCalls()
      const [device, kernel] = calls.socketPair()
      const message = new Uint8Array(100)
      const onRequest = () => {
        calls.writeOne(kernel, message, 0, 100)
        if (workerData.end === 'throw' && ++served > 50) throw new Error('planned')
        if (workerData.end === 'exit' && ++served > 50) process.exit()
        if (workerData.end === 'spin' && ++served > 50) { postOnce(); for (;;); }
        if (++served > 50) postOnce()
        return 0
      }
      let served = 0, posted = false
      const { parentPort } = await import('node:worker_threads')
      const postOnce = () => { if (!posted) parentPort.postMessage('busy'); posted = true }
      calls.pumpStart(device, new Uint8Array(8192), new Uint8Array(64), onRequest, () => {})
      const notifier = calls.notifierStart(kernel, () => calls.notifierSend(notifier, message, 2))
      calls.notifierSend(notifier, message, 1)
      calls.writeOne(kernel, message, 0, 100)
    \`
    const url = new URL('data:text/javascript,' + encodeURIComponent(text))
    const one = (end) => new Promise((resolve) => {
      const worker = new Worker(url, { workerData: { end, module: process.env.DEV_MODULE } })
      worker.on('message', () => { if (end === 'terminate' || end === 'spin') worker.terminate() })
      worker.on('error', (error) => { if (error.message !== 'planned') console.log(error) })
      worker.on('exit', resolve)
    })
    for (let round = 0; round < 5; round++) {
      await Promise.all(['terminate', 'throw', 'exit', 'spin'].map(one))
    }
    const { deviceCalls } = await import(process.env.DEV_MODULE)
    const live = () => JSON.stringify(deviceCalls().liveCounts())
    const deadline = Date.now() + 30000
    while (JSON.parse(live()).threads && Date.now() < deadline) await new Promise((r) => setTimeout(r, 5))
    console.log(live())`
  const module = new URL('../../src/native/dev.js', import.meta.url).href
  const expected = '{"environments":1,"pumps":0,"notifiers":0,"jobs":0,"threads":0}\n'
  expectClean(runChild(body, { env: { DEV_MODULE: module }, bare: true }), expected)
})
