// A charging post by another hand: the client `ocpp-rpc` in strict mode, which checks every frame against the schemas.
//
// It does what it is told, one JSON object a line on its input, and says on its output what came of it:
//   {"call": "Heartbeat", "params": {}}  ->  {"answer": {...}} or {"failed": "..."}
//   {"connect": true}                    ->  {"connected": "ocpp1.6"} or {"failed": "..."}
//   {"cut": true}                        ->  {"cut": true}; the socket is torn, as by a power cut
// Calls of the central system are accepted, and told as {"asked": "...", "params": {...}}.

const { createInterface } = require('readline');
const { RPCClient, createRPCError } = require('ocpp-rpc');

const [endpoint, identity, password, protocol] = process.argv.slice(2);
let listVersion = 0;
let post;

const say = (told) => process.stdout.write(JSON.stringify(told) + '\n');

const answers = {
  ChangeAvailability: () => ({ status: 'Accepted' }),
  ChangeConfiguration: () => ({ status: 'Accepted' }),
  GetConfiguration: ({ key }) => ({
    configurationKey: key.map((name) => ({ key: name, readonly: true, value: '1' })),
  }),
  GetLocalListVersion: () => (protocol === 'ocpp1.6' ? { listVersion } : { versionNumber: listVersion }),
  RemoteStartTransaction: () => ({ status: 'Accepted' }),
  RemoteStopTransaction: () => ({ status: 'Accepted' }),
  SendLocalList: (params) => {
    listVersion = params.listVersion ?? params.versionNumber;
    return { status: 'Accepted' };
  },
  TriggerMessage: () => ({ status: 'NotImplemented' }),
};

function create() {
  post = new RPCClient({
    endpoint, identity, password, protocols: [protocol], strictMode: true, reconnect: false, callTimeoutMs: 20000,
  });
  post.on('strictValidationFailure', ({ error }) => say({ invalid: String(error) }));
  post.on('close', () => say({ closed: true }));
  for (const [method, answer] of Object.entries(answers)) {
    post.handle(method, ({ params }) => {
      say({ asked: method, params });
      return answer(params);
    });
  }
  post.handle(({ method }) => {
    say({ asked: method });
    throw createRPCError('NotImplemented');
  });
}

async function obey(order) {
  try {
    if (order.connect) {
      create();
      await post.connect();
      say({ connected: post.protocol });
    } else if (order.cut) {
      await post.close({ force: true });
      say({ cut: true });
    } else {
      say({ answer: await post.call(order.call, order.params) });
    }
  } catch (error) {
    say({ failed: String(error.code || error.message || error) });
  }
}

let before = Promise.resolve();
createInterface({ input: process.stdin })
  .on('line', (line) => { before = before.then(() => obey(JSON.parse(line))); })
  .on('close', () => before.then(() => process.exit(0)));
