#!/usr/bin/env bash
# Takes the README's picture anew: the machine's page, just after AMD was pressed.
set -eu
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
HYPERPATCH_SCREENSHOTS="$folder" dotnet test --filter-class Hyperpatch.Engine.Tests.Web.Browser.ScreenshotTests
cp "$folder/machine-light.png" docs/machine.png
