// Usage: node check.js BASE_URL TOKEN DIRECTORY < request.json
// Asks for a voiceover with the official client and prints what it returned, as JSON.
// A request with a `recording` goes to the voice cloner. The client on npm has no method for it yet, so its POST is made
// here; uploading, waiting and downloading are the client's, as in the `generate()` of its source.
const { readFileSync } = require("node:fs");
const Client = require("magic-hour").default;

async function clone(client, { recording, ...request }, { baseUrl, token, downloadDirectory }) {
  const assets = { audio_file_path: await client.v1.files.uploadFile(recording) };
  const answer = await fetch(`${baseUrl}/v1/ai-voice-cloner`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ ...request, assets }),
  });
  const { id } = await answer.json();
  const options = { waitForCompletion: true, downloadOutputs: true, downloadDirectory };
  const project = await client.v1.imageProjects.checkResult({ id }, options);
  console.log(JSON.stringify({ project, checked: await client.v1.audioProjects.get({ id }) }));
}

async function main() {
  const [baseUrl, token, downloadDirectory] = process.argv.slice(2);
  const request = JSON.parse(readFileSync(0, "utf8"));
  const client = new Client({ token, baseUrl });
  if (request.recording) {
    return clone(client, request, { baseUrl, token, downloadDirectory });
  }
  const project = await client.v1.aiVoiceGenerator.generate(request, {
    waitForCompletion: true,
    downloadOutputs: true,
    downloadDirectory,
  });
  const [downloaded] = project.downloadedPaths ?? [];
  const uploaded = downloaded ? await client.v1.files.uploadFile(downloaded) : null;
  const checked = await client.v1.audioProjects.get({ id: project.id });
  await client.v1.audioProjects.delete({ id: project.id });
  const deleted = await client.v1.audioProjects.get({ id: project.id });
  console.log(JSON.stringify({ project, uploaded, checked, deleted }));
}

main().catch((error) => {
  console.error(error.response ? `${error.message} (${error.response.status})` : error);
  process.exit(1);
});
